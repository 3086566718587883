import type { TaskContext } from 'batuta'
import { dueAt, type FollowUpTopic, STAGE_HOURS, stageAfter } from './domain/followup-schedule.js'
import { plusHours } from './domain/local-time.js'
import { sendFollowUp } from './tasks.js'

/** What a conversation remembers about writing again: plain JSON, in the session. */
export interface FollowUpPlan {
  readonly topic: FollowUpTopic
  readonly phone: string
  readonly firstName?: string
  /** The quote's code in the sheet. */
  readonly arg?: string
  /** ISO 8601: what the stages are counted from. */
  readonly since: string
  /** Follow-ups sent so far. */
  readonly sent: number
  /** The delayed task that will send the next. Absent: none is wanted, and whichever is still due knows it. */
  readonly taskId?: string
}

type Context = Pick<TaskContext, 'session' | 'submit'>
type Plan = Omit<FollowUpPlan, 'taskId'>

const KEY = 'follow_up'

/** The plan of this conversation. */
export function planOf({ session }: Context): FollowUpPlan | undefined {
  return session.get<FollowUpPlan>(KEY)
}

/**
 * Stages the next follow-up of a plan, and makes it the only one that counts. Both happen in the commit that accepts
 * the caller's result, so there is never a plan without its task or a task without its plan.
 *
 * @param runAt - when; default: when the plan's next stage is due.
 */
export function scheduleFollowUp(ctx: Context, plan: Plan, runAt?: Date): void {
  const { topic, phone, firstName, arg, sent } = plan
  const stage = stageAfter(sent)
  // A question that led to nothing is asked about once.
  if (stage === undefined || (topic === 'consulta' && stage > 1)) {
    remember(ctx, plan)
    return
  }
  const taskId = ctx.submit(
    sendFollowUp,
    { phone, topic, stage, ...(firstName === undefined ? {} : { firstName }), ...(arg === undefined ? {} : { arg }) },
    { runAt: runAt ?? dueAt(stage, new Date(plan.since)) },
  )
  remember(ctx, { ...plan, taskId })
}

/** The customer has written: whatever is pending is pointless. @returns the task that can be cancelled. */
export function supersedeFollowUp(ctx: Context): string | undefined {
  const plan = planOf(ctx)
  if (plan?.taskId === undefined) return undefined
  const { taskId, ...rest } = plan
  remember(ctx, rest)
  return taskId
}

/** The customer takes leave at `at`: the next stage comes a day later, and no stage comes twice. */
export function resumeFollowUp(ctx: Context, fresh: Omit<Plan, 'since' | 'sent'>, at: Date): void {
  const plan = planOf(ctx)
  const goesOn = plan !== undefined && plan.topic === fresh.topic
  const sent = goesOn ? plan.sent : 0
  const since = plusHours(at, -(STAGE_HOURS[sent - 1] ?? 0)).toISOString()
  scheduleFollowUp(ctx, { ...(goesOn ? withoutTask(plan) : fresh), since, sent })
}

/** The plan alone. */
export function withoutTask({ taskId: _, ...plan }: FollowUpPlan): Plan {
  return plan
}

function remember({ session }: Context, plan: FollowUpPlan): void {
  session.set(KEY, plan)
}
