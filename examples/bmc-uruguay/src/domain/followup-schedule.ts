import { atLocalHour, localTimeOf, plusHours } from './local-time.js'

/** Hours after a quote at which a customer who hasn't answered is written to: three times, then never again. */
export const STAGE_HOURS = [24, 48, 72] as const

/** A position in {@link STAGE_HOURS}, from 1. */
export type Stage = 1 | 2 | 3

/** The hours in which a customer may be written to unasked: from nine, and before six in the evening. */
export const OPEN_HOUR = 9
export const CLOSE_HOUR = 18

/** The same moment if it is within opening hours, else the next opening. */
export function nextOpening(at: Date): Date {
  const { hour } = localTimeOf(at)
  if (hour < OPEN_HOUR) return atLocalHour(at, 0, OPEN_HOUR)
  return hour < CLOSE_HOUR ? at : atLocalHour(at, 1, OPEN_HOUR)
}

/** When a stage is due for something that happened at `since`. */
export function dueAt(stage: Stage, since: Date): Date {
  return nextOpening(plusHours(since, STAGE_HOURS[stage - 1] ?? 0))
}

/** The stage after this many messages, or nothing when all were sent. */
export function stageAfter(sent: number): Stage | undefined {
  const stage = sent + 1
  return stage === 1 || stage === 2 || stage === 3 ? stage : undefined
}

/** What a follow-up is about. */
export type FollowUpTopic = 'cotizacion' | 'consulta'

/** What the customer reads. */
export function followUpText(topic: FollowUpTopic, stage: Stage, firstName: string | undefined): string {
  const hello = firstName === undefined ? '👋 ¡Hola!' : `👋 ¡Hola, ${firstName}!`
  const optOut = 'Si preferís que no te escribamos, respondé BAJA.'
  if (topic === 'consulta')
    return `${hello} Te escribo para ver si puedo ayudarte con nuestros productos o si necesitás una cotización. ${optOut}`
  if (stage === 1)
    return `${hello} ¿Te quedó alguna duda sobre la cotización que te enviamos? Con gusto te ayudo. ${optOut}`
  if (stage === 2)
    return `${hello} Tu cotización sigue vigente. ¿Querés que la ajustemos o que coordinemos la entrega? ${optOut}`
  return `${hello} Es mi último mensaje sobre tu cotización: cuando quieras retomarla, escribime y la vemos. ${optOut}`
}
