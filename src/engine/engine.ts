/**
 * The engine port: the motion. An engine holds a bounded window of references to ready tasks and hands them to
 * whoever has a free slot. It may lose all it holds at any moment: refilling from storage is the only recovery.
 */

import type { Clock } from '../internal/clock.js'

/** A reference to a task that was ready when it was made. */
export interface TaskRef {
  readonly id: string
  readonly lane: string
  readonly tenant: string
  /** Lower goes first; ties go by id. */
  readonly rank: number
  /** What the coordinator knows of the task. An engine in the same process hands it back; others drop it. */
  readonly hint?: object | undefined
}

/** What an engine may ask of the coordinator that started it. */
export interface EngineHost {
  readonly clock: Clock
  /** How often to look for what others made ready, in milliseconds. */
  readonly pollMs: number
  /** How long it takes until the other nodes have heard of what is made ready here, in milliseconds. Absent: `pollMs`. */
  readonly newsMs?: number | undefined
  /**
   * How many tasks of a tenant are handed out for one of another, while both have some: from 1, for most tenants the same.
   * Absent: 1.
   */
  weightOf?(tenant: string): number
  /**
   * At which place this node is among those over the same storage who could take a task, 0 being the first: it may take that at
   * once, and leaves the others' to them for a moment, so that they don't all claim the same. Absent: it is alone.
   */
  readonly placeOf?: ((ref: TaskRef) => number) | undefined
  /**
   * The ready tasks of a lane in rank order, tenants in turn by their weights, `limit` at most. This is how an empty window
   * fills. Fewer than `limit` means that there are no more; as many, that a tenant with fewer than its share has no more, or
   * was not looked at.
   * @param isWanted - of which it is worth while to read the hints: the others come without, which costs little. Absent: of all.
   */
  readReady(lane: string, limit: number, isWanted?: (ref: TaskRef) => boolean): Promise<readonly TaskRef[]>
  /** Says that one of these lanes may have something to hand out: whoever has free slots asks again. */
  wake(lanes: readonly string[]): void
  /** Reports trouble. The engine goes on. */
  onError(error: unknown): void
}

/** Hands out references to ready tasks. At least once is enough: the claim decides who really gets a task. */
export interface Engine {
  /** A short name for status and errors. */
  readonly name: string
  /** Begins to work for this host. Called once. */
  start(host: EngineHost): Promise<void>
  /** Takes in references to tasks that have just become ready. A reference that it holds already is offered in vain. */
  offer(refs: readonly TaskRef[]): void
  /** Another node made tasks of these lanes ready, which this one has not been offered: worth a look. */
  hint?(lanes: readonly string[]): void
  /**
   * Hands out the `n` lowest ranks over these lanes, tenants in turn by their weights. Answers at once with what it has; if that is
   * less than there is, it fetches more and calls `host.wake`. A reference handed out is not handed out again until it
   * is finished and offered or read anew.
   */
  want(lanes: Iterable<string>, n: number): TaskRef[]
  /** The references' claims are definite, or they turned out not to be ready: the engine may forget them. */
  finish(refs: readonly TaskRef[]): void
  /**
   * They could not be started now, though nobody else has them: to be handed out again, and their tenants have had no turn.
   * Absent: they are finished and offered.
   */
  putBack?(refs: readonly TaskRef[]): void
  /** Stops handing out and lets go of everything within `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>
}
