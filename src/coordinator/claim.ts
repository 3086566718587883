import type { RoutingDecision } from '../router/decision.js'
import { type ClaimFacts, claimed, holdsClaim } from '../task/task-life-cycle.js'
import type { AgentInstance } from './agents/agent-instance.js'
import { SetBuilder } from './commit/set-builder.js'
import type { Hold } from './limits/hold.js'
import type { Entry, NodeContext } from './node-context.js'

/** Before the slot of a claim that was not taken is free again. */
const REFUSED_PAUSE_MS = 250

/** What the holder of an agent that polls begins with: its claims are no owner's. */
export const POLLER = 'poll:'

/** A slot taken for a task, before the claim is committed. */
export interface Reservation {
  readonly instance: AgentInstance
  readonly token: string
  readonly ownerId: string
  readonly lane: string
  readonly decision: RoutingDecision | undefined
  readonly permitId: string | undefined
  readonly claim: ClaimFacts
  /** What it occupies of rate limits and budgets; absent where there are none. */
  readonly hold: Hold | undefined
}

/** What became of a claim. */
export interface ClaimResult {
  /** The running task; absent when somebody else was quicker, or it is not ready any more. */
  readonly claimed?: Entry
  /** Otherwise: the task as it stands. */
  readonly stands?: Entry | undefined
  /** The permit that was wanted is somebody else's. */
  readonly isPermitTaken?: boolean
}

/** ready -> running, in one guarded commit, together with the permit if the type has a limit. Claiming is starting. */
export function commitClaim(node: NodeContext, entry: Entry, reservation: Reservation): Promise<ClaimResult> {
  const { token, permitId, claim } = reservation
  const set = new SetBuilder(node)
  const after = set.put('task', entry.id, entry, claimed(entry.value, claim))
  // A permit's version is the token of the claim that took it: whoever ends the claim can name it.
  if (permitId !== undefined) set.put('permit', permitId, undefined, { taskId: entry.id, token }, token)
  return node.committer.commit(set.build(node.latest())).then(
    (result) => {
      if (result.applied) return { claimed: after }
      const stands = result.found[0] as Entry | undefined
      // Our own claim, applied before its answer went missing.
      if (stands !== undefined && holdsClaim(stands.value, token)) return { claimed: stands }
      const holder = stands?.value.holder
      if (holder !== undefined && !holder.startsWith(POLLER)) node.peers.met(holder)
      return { stands, isPermitTaken: result.found[1] !== undefined }
    },
    async (error) => {
      // The slot is held that long: a claim that the storage does not take must not be tried all the time.
      await node.pause(REFUSED_PAUSE_MS)
      throw error
    },
  )
}
