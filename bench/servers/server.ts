/** A server that a benchmark started: what queues ask of it, and how many connections they hold. */

/** What is counted: as near to a round trip as a server, or the wire to it, can tell. */
export const QUESTIONS = ['round trips', 'commands', 'requests'] as const

/** What clients asked for since it was listened to. */
export interface Listening {
  /** Where clients must go to be heard. */
  readonly at: string
  asked(): Promise<number>
  close(): Promise<unknown>
}

export interface BenchServer {
  /** Its address. */
  readonly at: string
  /** What it counts when it is listened to, of every queue. */
  readonly question: (typeof QUESTIONS)[number]
  /** Removes what a queue left. */
  clear(): Promise<unknown>
  /** Connections that are open, without those of this question. */
  connections(): Promise<number>
  listen(): Promise<Listening>
  /** Bytes of log that it has written, where it tells. */
  written?(): Promise<number>
  stop(): Promise<unknown>
}
