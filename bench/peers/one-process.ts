/** What is measured of a queue whose worker, and whoever adds its tasks, are one process: after a round that does not count. */
import { type BenchRow, collectGarbage, duration, percentile, rate } from '../measure.js'
import type { BenchServer } from '../servers/server.js'
import type { Peer } from './peer.js'

interface Phases {
  readonly enqueueMs: number
  readonly drainMs: number
}

/** How long each takes to add tasks while nobody works, and to run them then: the first is ours. */
export async function phaseRows(
  server: BenchServer,
  [ours, ...peers]: readonly [Peer, ...Peer[]],
  { tasks, rounds, place }: { readonly tasks: number; readonly rounds: number; readonly place: string },
): Promise<BenchRow[]> {
  const measured = new Map<Peer, Phases[]>([ours, ...peers].map((peer) => [peer, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [peer, phases] of measured) {
      const found = await phasesOf(server, peer, tasks)
      if (round > 0) phases.push(found)
    }
  }
  const median = (peer: Peer, of: keyof Phases) =>
    percentile(
      (measured.get(peer) ?? []).map((found) => found[of]),
      0.5,
    )
  const row = (of: keyof Phases, what: string, peer: Peer | undefined): BenchRow => {
    const [mine, theirs] = [median(ours, of), peer && median(peer, of)]
    return {
      what: `${tasks.toLocaleString('en-US')} tasks on ${place}, ${what}`,
      batuta: rate(tasks, mine),
      against: theirs === undefined ? '' : `${peer?.name}, ${rate(tasks, theirs)}`,
      ...(theirs !== undefined && { ratio: mine / theirs }),
      budget: '',
    }
  }
  const others = peers.length === 0 ? [undefined] : peers
  return others.flatMap((peer) => [
    row('enqueueMs', 'added while nobody works', peer),
    row('drainMs', 'drained then', peer),
  ])
}

async function phasesOf(server: BenchServer, { name, open, producer }: Peer, tasks: number): Promise<Phases> {
  if (producer === undefined) throw new Error(`${name} can't add tasks without working on them`)
  await server.clear()
  const { all, close } = await producer(server.at)
  collectGarbage()
  const startedAt = performance.now()
  await all(tasks)
  const enqueueMs = performance.now() - startedAt
  await close()
  const opened = await open(server.at)
  const drainMs = await opened.drained(tasks)
  await opened.close()
  return { enqueueMs, drainMs }
}

/** Median and 99th percentile of tasks submitted one after the other, in milliseconds, after half as many that do not count. */
async function loneOf(server: BenchServer, { open }: Peer, tasks: number): Promise<{ p50: number; p99: number }> {
  await server.clear()
  const { one, close } = await open(server.at)
  const times: number[] = []
  for (let n = -tasks / 2; n < tasks; n++) {
    const startedAt = performance.now()
    await one(n)
    if (n >= 0) times.push(performance.now() - startedAt)
  }
  await close()
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

/** The rows for that, beside each of these. */
export async function loneRows(
  server: BenchServer,
  [ours, ...peers]: readonly [Peer, ...Peer[]],
  { tasks, place, budget = '' }: { readonly tasks: number; readonly place: string; readonly budget?: string },
): Promise<BenchRow[]> {
  const mine = await loneOf(server, ours, tasks)
  const rows: BenchRow[] = []
  for (const peer of peers.length === 0 ? [undefined] : peers) {
    const theirs = peer && (await loneOf(server, peer, tasks))
    for (const p of ['p50', 'p99'] as const) {
      rows.push({
        what: `a lone task on ${place}, submit to result, ${p}`,
        batuta: duration(mine[p]),
        against: theirs === undefined ? '' : `${peer?.name}, ${duration(theirs[p])}`,
        ...(theirs !== undefined && { ratio: mine[p] / theirs[p] }),
        budget: p === 'p50' ? budget : '',
      })
    }
  }
  return rows
}

interface Cost {
  readonly asked: number
  readonly bytes: number
  readonly connections: number
}

/** What so many tasks at once ask of the server and have it write, for each, and the connections that their queue holds. */
async function costOf(server: BenchServer, { open }: Peer, tasks: number): Promise<Cost> {
  await server.clear()
  const listening = await server.listen()
  const opened = await open(listening.at)
  const written = async () => (await server.written?.()) ?? Number.NaN
  await opened.all(tasks)
  const [askedBefore, bytesBefore] = [await listening.asked(), await written()]
  await opened.all(tasks)
  const asked = ((await listening.asked()) - askedBefore) / tasks
  const bytes = ((await written()) - bytesBefore) / tasks
  const connections = await server.connections()
  await opened.close()
  await listening.close()
  return { asked, bytes, connections }
}

/** The rows for that, beside each of these. */
export async function costRows(
  server: BenchServer,
  [ours, ...peers]: readonly [Peer, ...Peer[]],
  { tasks, place }: { readonly tasks: number; readonly place: string },
): Promise<BenchRow[]> {
  const mine = await costOf(server, ours, tasks)
  const rows: BenchRow[] = []
  for (const peer of peers.length === 0 ? [undefined] : peers) {
    const theirs = peer && (await costOf(server, peer, tasks))
    const row = (what: string, of: keyof Cost, digits: number) =>
      rows.push({
        what: `${what}, ${place}`,
        batuta: mine[of].toFixed(digits),
        against: theirs === undefined ? '' : `${peer?.name}, ${theirs[of].toFixed(digits)}`,
        ...(theirs !== undefined && { ratio: mine[of] / theirs[of] }),
        budget: '',
      })
    row(`${server.question} per task, ${tasks.toLocaleString('en-US')} at once`, 'asked', 3)
    if (server.written !== undefined) row('bytes of log per task', 'bytes', 0)
    row('connections', 'connections', 0)
  }
  return rows
}
