/** How often something may start. */
export interface RateLimit {
  /** Starts in any window of `perMs`, whatever its alignment: a whole number from 1 to 1,000,000. */
  readonly limit: number
  /** Length of the window in milliseconds, from 1 to 31 days. */
  readonly perMs: number
  /**
   * Where starts are counted, of a definition: by each node for itself (`node`), or over all nodes that share the storage (`all`).
   * Over all it is as strict, whatever the machines' clocks say and whoever dies, and costs throughput: nodes take permits in
   * blocks, so that at least `perMs / (perMs + blockMs)` of the limit is used under backlog, where `blockMs` is a tenth of
   * `perMs`, from 100 ms to 5 s, and longer while the storage is slow. Default `node`.
   */
  readonly scope?: 'node' | 'all' | undefined
}

/** What an attempt costs, or may cost. What is left out is not known. */
export interface Cost {
  /** From 0; fractions count as one more. */
  readonly tokens?: number | undefined
  /** From 0, exact to a billionth of a dollar. */
  readonly usd?: number | undefined
}

/** What may be spent in any window of `perMs`; `tokens`, `usd`, or both. */
export interface Budget extends Cost {
  /** Length of the window in milliseconds, from 1 to 31 days. */
  readonly perMs: number
}

/** What holds back an agent, or the tasks of a type, on one node: both together if both are given. */
export interface LimitOptions {
  /**
   * At most `limit` attempts start in any window of `perMs`. A permit is taken at dispatch and is free again `perMs` after the
   * handler really started. Counted by each node for itself, unless its `scope` says otherwise. Default: no limit.
   */
  readonly rateLimit?: RateLimit | undefined
  /**
   * At most so much is spent in any window of `perMs`, as handlers report it with `ctx.cost` and definitions estimate it. What an
   * attempt may cost is reserved at dispatch, and counts until `perMs` after its end. Counted by each node for itself. Default: no
   * limit.
   */
  readonly budget?: Budget | undefined
}
