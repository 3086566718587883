/** What one queue comes to with so many processes that work, while this one adds the tasks. */
import { setTimeout as pause } from 'node:timers/promises'
import type { ClaimCount } from '../../test/nodes/counting-claims.js'
import { percentile } from '../measure.js'
import type { Peer, Producer } from '../peers/peer.js'
import type { BenchServer, Listening } from '../servers/server.js'
import { machineMs } from './news.js'
import { Nodes } from './nodes.js'
import { loadSide, type SideName } from './sides.js'

export const TASKS = 2_000
const ROUNDS = 5
/** Of four new processes each gets 500 tasks a round: too few for V8 to have compiled what they need. */
const WARM_UPS = 5
const PHASE_ROUNDS = 3
const LONE_TASKS = 100
/** No round begins after the rounds of its kind took so long together. */
const ENOUGH_MS = 8_000
/** Between lone tasks: what a node has to tell of one is told, and nothing is left to do. */
const LULL_MS = 10

/** Where a queue is: `listen` and `connections` are of servers only. */
export type Where = Pick<BenchServer, 'at'> & Partial<BenchServer>

/** In milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

/** What is absent could not be measured there. */
export interface Measured {
  /** From the first that is added to the last that has ended, while all work. */
  readonly endToEndMs?: number
  /** Added while nobody works. */
  readonly enqueueMs?: number
  /** Then: from the first that starts to the last that has ended. */
  readonly drainMs?: number
  /** Of a lone task, from its submit to the start of its handler, and until its result is where it was submitted. */
  readonly toStart?: Latency
  readonly toResult?: Latency
  /** What is asked of the server for each task. */
  readonly asked?: number
  readonly question?: BenchServer['question'] | undefined
  readonly connections?: number
  /** Of the claims that were made, those that somebody else was quicker with: while tasks are added, and of what waited at first. */
  readonly refusedShare?: number
  readonly refusedOfDrained?: number
}

/** Which part of it is of interest: a queue may be set up for one of them. */
export type Part = 'all' | 'rates' | 'latency'

/** @throws TooSlow when a round takes longer than a minute; an error when it is not installed, or a node ends on its own. */
export async function measureSide(name: SideName, where: Where, nodeCount: number, part: Part): Promise<Measured> {
  const side = await loadSide(name)
  if (typeof side === 'string') throw new Error(side)
  // Before the nodes: it makes the tables.
  const producer = await side.producer(where.at)
  const nodes = await Nodes.fork(name, nodeCount)
  try {
    await nodes.workAt(where.at)
    const endToEndMs = await endToEnd(nodes, producer, part === 'latency' ? 1 : ROUNDS)
    const claims = nodes.claims()
    const connections = await where.connections?.()
    const lone = part === 'rates' ? {} : await loneTasks(nodes, producer)
    if (part === 'latency') return lone
    const phases = await inPhases(nodes, producer, where.at)
    const all = nodes.claims()
    const drained = { made: all.made - claims.made, refused: all.refused - claims.refused }
    const questions = where.listen && (await asked(nodes, side, await where.listen()))
    return {
      ...{ endToEndMs, ...lone, ...phases },
      ...(all.made > 0 && { refusedShare: shareOf(claims), refusedOfDrained: shareOf(drained) }),
      ...(connections !== undefined && { connections }),
      ...(questions !== undefined && { asked: questions, question: where.question }),
    }
  } finally {
    await producer.close()
    await nodes.kill()
  }
}

function shareOf({ made, refused }: ClaimCount): number {
  return refused / (made + refused)
}

/** The median of these rounds, of as many as there is time for. */
async function rounds(warmUps: number, count: number, once: () => Promise<number>): Promise<number> {
  const times: number[] = []
  const startedMs = machineMs()
  for (let round = -warmUps; round < count; round++) {
    const tookMs = await once()
    const isEnough = machineMs() - startedMs > ENOUGH_MS
    if (round >= 0 || isEnough) times.push(tookMs)
    if (isEnough) break
  }
  return percentile(times, 0.5)
}

async function addAll(nodes: Nodes, producer: Producer): Promise<number> {
  nodes.reset()
  const startedMs = machineMs()
  await producer.all(TASKS)
  return (await nodes.ended(TASKS)).lastEndedMs - startedMs
}

async function endToEnd(nodes: Nodes, producer: Producer, count: number): Promise<number> {
  return await rounds(WARM_UPS, count, () => addAll(nodes, producer))
}

/** One task after the other; the first tenth does not count. */
async function loneTasks(nodes: Nodes, { one, all }: Producer): Promise<Pick<Measured, 'toStart' | 'toResult'>> {
  const [starts, results]: [number[], number[]] = [[], []]
  const startedMs = machineMs()
  for (let n = -LONE_TASKS / 10; n < LONE_TASKS && machineMs() - startedMs < 2 * ENOUGH_MS; n++) {
    await pause(LULL_MS)
    nodes.reset()
    const submittedMs = machineMs()
    await (one ?? (() => all(1)))()
    const resultMs = machineMs()
    const { firstStartedMs } = await nodes.ended(1)
    if (n < 0) continue
    starts.push(firstStartedMs - submittedMs)
    results.push(resultMs - submittedMs)
  }
  const latency = (values: number[]) => ({ p50: percentile(values, 0.5), p99: percentile(values, 0.99) })
  return { toStart: latency(starts), ...(one !== undefined && { toResult: latency(results) }) }
}

/** Added while nobody works; then all of them work. */
async function inPhases(nodes: Nodes, producer: Producer, at: string) {
  const enqueues: number[] = []
  const drainMs = await rounds(1, PHASE_ROUNDS, async () => {
    await nodes.workAt(null)
    nodes.reset()
    const startedMs = machineMs()
    await producer.all(TASKS)
    enqueues.push(machineMs() - startedMs)
    await nodes.workAt(at)
    const { firstStartedMs, lastEndedMs } = await nodes.ended(TASKS)
    return lastEndedMs - firstStartedMs
  })
  return { enqueueMs: percentile(enqueues.length > 1 ? enqueues.slice(1) : enqueues, 0.5), drainMs }
}

/** What everybody asks the server for, for each task of a round from end to end. It is not timed: being counted takes time. */
async function asked(nodes: Nodes, side: Required<Peer>, listening: Listening) {
  await nodes.workAt(listening.at)
  const producer = await side.producer(listening.at)
  try {
    await addAll(nodes, producer)
    const before = await listening.asked()
    await addAll(nodes, producer)
    return ((await listening.asked()) - before) / TASKS
  } finally {
    await producer.close()
    await nodes.workAt(null)
    await listening.close()
  }
}
