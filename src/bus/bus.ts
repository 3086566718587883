/**
 * The bus port: hints between owners. Every message may be lost, doubled or late; losing one costs time (until the next
 * poll), never correctness.
 */

import type { LaneFirst } from './lane-first.js'

/** What owners tell each other. */
export type BusMessage =
  | { readonly type: 'settled'; readonly taskId: string }
  | { readonly type: 'cancel'; readonly taskId: string; readonly reason?: string }
  | {
      readonly type: 'ready'
      readonly lanes: readonly string[]
      /** The lowest rank of what became ready in each lane. `undefined`, or absent: it could be any, of any tenant. */
      readonly firsts?: readonly (LaneFirst | undefined)[]
    }
  | { readonly type: 'permit'; readonly taskType: string }
  /** This owner has met another, or has other agents than before. */
  | { readonly type: 'owner'; readonly ownerId: string }
  | {
      readonly type: 'progress'
      readonly taskId: string
      readonly attempt: number
      readonly fraction?: number
      readonly note?: string
    }
  | {
      readonly type: 'part'
      readonly taskId: string
      readonly attempt: number
      readonly index: number
      readonly part: unknown
    }

/** Carries hints. */
export interface Bus {
  readonly name: string
  /** Sends to every subscriber but the sender. Never throws. */
  publish(message: BusMessage): void
  /** Listens; the answer unsubscribes. */
  subscribe(listener: (message: BusMessage) => void): () => void
  close(): Promise<void>
}
