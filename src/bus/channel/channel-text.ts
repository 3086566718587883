/**
 * What a bus over a text channel sends: hints put together, as JSON that a person can read.
 *
 * `{"v":1,"from":"<sender>","parts":[…],"progress":[…],"cancel":[…],"firsts":[…],"ready":[…],"permit":[…],"owner":[…],"settled":[…]}`: each list
 * absent when empty, and in this order, so that what was written before a task ended is heard before its end. A version that is
 * not known is ignored as a whole; a list or an item that makes no sense, by itself.
 */
import type { BusMessage } from '../bus.js'
import { type LaneFirst, lowerFirst } from '../lane-first.js'

const VERSION = 1

/** In the order in which they are sent and told. */
const LISTS = ['parts', 'progress', 'cancel', 'ready', 'permit', 'owner', 'settled'] as const
type List = (typeof LISTS)[number] | 'firsts'

/** Hints that wait to be sent, without those that a later one made worthless. */
export class Collected {
  readonly #parts: unknown[][] = []
  readonly #progress = new Map<string, unknown[]>()
  readonly #cancels = new Map<string, unknown[]>()
  readonly #ready = new Map<string, LaneFirst | undefined>()
  readonly #permits = new Set<string>()
  readonly #owners = new Set<string>()
  readonly #settled = new Set<string>()

  add(message: BusMessage): void {
    switch (message.type) {
      case 'part':
        this.#parts.push([message.taskId, message.attempt, message.index, message.part])
        return
      case 'progress': {
        const { taskId, attempt, fraction, note } = message
        this.#progress.set(`${taskId} ${attempt}`, [taskId, attempt, fraction ?? null, ...optional(note)])
        return
      }
      case 'cancel':
        this.#cancels.set(message.taskId, [message.taskId, ...optional(message.reason)])
        return
      case 'ready':
        message.lanes.forEach((lane, i) => {
          const first = message.firsts?.[i]
          this.#ready.set(lane, this.#ready.has(lane) ? lowerFirst(this.#ready.get(lane), first) : first)
        })
        return
      case 'permit':
        this.#permits.add(message.taskType)
        return
      case 'owner':
        this.#owners.add(message.ownerId)
        return
      case 'settled':
        this.#settled.add(message.taskId)
    }
  }

  /** As few texts of at most `maxBytes` as they take. What fits into none is sent without its words, or not at all. */
  texts(sender: string, maxBytes: number): string[] {
    const packer = new Packer(`{"v":${VERSION},"from":${JSON.stringify(sender)}`, maxBytes)
    for (const item of this.#parts) packer.add('parts', item)
    // A reason or a note is for people: the hint is worth sending without it.
    for (const item of this.#progress.values()) packer.add('progress', item, item.slice(0, 3))
    for (const item of this.#cancels.values()) packer.add('cancel', item, item.slice(0, 1))
    // Apart from the lanes, for those who know of lanes only. A first that comes without its lane says nothing.
    for (const [lane, first] of this.#ready)
      if (first !== undefined) packer.add('firsts', [lane, first.tenant, first.rank])
    for (const lane of this.#ready.keys()) packer.add('ready', lane)
    for (const type of this.#permits) packer.add('permit', type)
    for (const id of this.#owners) packer.add('owner', id)
    for (const id of this.#settled) packer.add('settled', id)
    return packer.finish()
  }
}

/** The hints of a text, with its sender; `undefined` when it is not one of ours. */
export function hintsOf(text: string): { readonly from: string; readonly messages: readonly BusMessage[] } | undefined {
  const read = parsed(text)
  if (read?.v !== VERSION || typeof read.from !== 'string') return undefined
  const messages: BusMessage[] = []
  for (const list of LISTS) {
    const items: unknown = read[list]
    if (!Array.isArray(items)) continue
    if (list === 'ready') {
      const lanes = items.filter((lane) => typeof lane === 'string')
      const firsts = firstsIn(read.firsts)
      const told = firsts.size > 0 && { firsts: lanes.map((lane) => firsts.get(lane)) }
      if (lanes.length > 0) messages.push({ type: 'ready', lanes, ...told })
    } else for (const item of items) messages.push(...messageOf(list, item))
  }
  return { from: read.from, messages }
}

/** The lowest rank of each lane, as far as it was told. */
function firstsIn(items: unknown): ReadonlyMap<string, LaneFirst> {
  const firsts = new Map<string, LaneFirst>()
  for (const item of Array.isArray(items) ? items : []) {
    const [lane, tenant, rank] = Array.isArray(item) ? item : []
    if (typeof tenant === 'string' && typeof rank === 'number') firsts.set(lane, { tenant, rank })
  }
  return firsts
}

function messageOf(list: Exclude<List, 'ready' | 'firsts'>, item: unknown): BusMessage[] {
  if (list === 'settled') return typeof item === 'string' ? [{ type: 'settled', taskId: item }] : []
  if (list === 'permit') return typeof item === 'string' ? [{ type: 'permit', taskType: item }] : []
  if (list === 'owner') return typeof item === 'string' ? [{ type: 'owner', ownerId: item }] : []
  if (!Array.isArray(item) || typeof item[0] !== 'string') return []
  const [taskId, second, third, fourth] = item as [string, unknown, unknown, unknown]
  if (list === 'cancel') return [{ type: 'cancel', taskId, ...(typeof second === 'string' && { reason: second }) }]
  if (typeof second !== 'number') return []
  if (list === 'parts') {
    const isWhole = item.length === 4 && typeof third === 'number'
    return isWhole ? [{ type: 'part', taskId, attempt: second, index: third, part: fourth }] : []
  }
  const words = typeof fourth === 'string' && { note: fourth }
  return [
    { type: 'progress', taskId, attempt: second, ...(typeof third === 'number' && { fraction: third }), ...words },
  ]
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function optional(words: string | undefined): string[] {
  return words === undefined ? [] : [words]
}

/** Fills one text after the other. */
class Packer {
  readonly #head: string
  readonly #maxBytes: number
  readonly #texts: string[] = []
  #text = ''
  #bytes = 0
  #list: List | undefined

  constructor(head: string, maxBytes: number) {
    this.#head = head
    this.#maxBytes = maxBytes
    this.#begin()
  }

  /** @param short - what to send instead when it fits into no text. */
  add(list: List, item: unknown, short?: unknown): void {
    const json = JSON.stringify(item)
    if (this.#put(list, json)) return
    if (this.#list !== undefined) this.#end()
    if (!this.#put(list, json) && short !== undefined) this.#put(list, JSON.stringify(short))
  }

  finish(): string[] {
    if (this.#list !== undefined) this.#end()
    return this.#texts
  }

  #put(list: List, json: string): boolean {
    const piece = this.#list === list ? `,${json}` : `${this.#list === undefined ? '' : ']'},"${list}":[${json}`
    const bytes = Buffer.byteLength(piece)
    // Two more for the brackets at the end.
    if (this.#bytes + bytes + 2 > this.#maxBytes) return false
    this.#text += piece
    this.#bytes += bytes
    this.#list = list
    return true
  }

  #end(): void {
    this.#texts.push(`${this.#text}]}`)
    this.#begin()
  }

  #begin(): void {
    this.#text = this.#head
    this.#bytes = Buffer.byteLength(this.#head)
    this.#list = undefined
  }
}
