/**
 * A lane holds the ready tasks of one (type or any, sorted requirements), or of one fallback agent, or of a type's
 * fallback function. Its name says which: it can be read back, on any node.
 */
export type Lane =
  | { readonly kind: 'tasks'; readonly type: string | undefined; readonly requires: readonly string[] }
  | { readonly kind: 'agent'; readonly agentId: string }
  | { readonly kind: 'fallback'; readonly type: string }

/** The type of a task that was submitted without one: any agent with a catch-all handler may take it. */
export const ANY_TYPE = '*'

/** The lane of tasks of a type (undefined or `*`: any) with these requirements (sorted, without repeats). */
export function laneOf(type: string | undefined, requires: readonly string[]): string {
  const name = type === undefined || type === ANY_TYPE ? ANY_TYPE : encoded(type)
  return `task:${name}:${requires.length === 1 ? encoded(requires[0] ?? '') : requires.map(encoded).join(',')}`
}

/** Most names need no encoding, and finding that out is much cheaper than encoding them. */
function encoded(name: string): string {
  return /^[\w.-]*$/.test(name) ? name : encodeURIComponent(name)
}

/** The lane of attempts meant for one fallback agent. */
export function agentLane(agentId: string): string {
  return `agent:${encodeURIComponent(agentId)}`
}

/** The lane of attempts that run a definition's fallback function. */
export function fallbackLane(type: string): string {
  return `fallback:${encodeURIComponent(type)}`
}

/** Whether a lane is of attempts meant for one agent: the only kind with tasks of several types. */
export function isAgentLane(lane: string): boolean {
  return lane.startsWith('agent:')
}

/** Whether a lane is of attempts that run a definition's fallback function. */
export function isFallbackLane(lane: string): boolean {
  return lane.startsWith('fallback:')
}

/** What a lane holds, in the words of those who submit: the type (`*`: any) and the requirements. */
export function contentsOf(name: string): { readonly type: string; readonly requires: readonly string[] } {
  const lane = parseLane(name)
  if (lane.kind === 'agent') return { type: ANY_TYPE, requires: [] }
  return lane.kind === 'fallback'
    ? { type: lane.type, requires: [] }
    : { type: lane.type ?? ANY_TYPE, requires: lane.requires }
}

/** Reads a lane's name. */
export function parseLane(lane: string): Lane {
  const [kind, first = '', second = ''] = lane.split(':')
  if (kind === 'agent') return { kind, agentId: decodeURIComponent(first) }
  if (kind === 'fallback') return { kind, type: decodeURIComponent(first) }
  return {
    kind: 'tasks',
    type: first === ANY_TYPE ? undefined : decodeURIComponent(first),
    requires: second === '' ? [] : second.split(',').map(decodeURIComponent),
  }
}
