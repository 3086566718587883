import type { ClaimCount } from '../../test/nodes/counting-claims.js'

/** What a node is told: where to work, or to stop working (`null`). */
export interface NodeOrder {
  readonly workAt: string | null
}

/** What a node tells its parent. */
export interface NodeNews {
  /** It has done what it was told. */
  readonly isDone: boolean
  /** Tasks that have ended since it last told. */
  readonly ended: number
  /** By {@link machineMs}: the first that started since it last told, and the last that ended. */
  readonly firstStartedMs: number
  readonly lastEndedMs: number
  /** In all. */
  readonly claims: ClaimCount
}

/** Milliseconds of the machine's monotonic clock: the same in every process. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6
