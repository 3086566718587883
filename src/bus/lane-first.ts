/** The lowest rank of what became ready in a lane, and whose task it is. */
export interface LaneFirst {
  readonly tenant: string
  readonly rank: number
}

/** The lower of two; `undefined` when they are of two tenants, whose ranks do not compare, or one could be any. */
export function lowerFirst(a: LaneFirst | undefined, b: LaneFirst | undefined): LaneFirst | undefined {
  if (a === undefined || b === undefined || a.tenant !== b.tenant) return undefined
  return b.rank < a.rank ? b : a
}
