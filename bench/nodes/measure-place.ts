import { type BenchRow, duration, rate } from '../measure.js'
import { QUESTIONS } from '../servers/server.js'
import { type Latency, type Measured, measureSide, type Part, TASKS, type Where } from './measure-side.js'
import { TooSlow } from './nodes.js'
import { loadSide, type SideName } from './sides.js'

const NODES = [1, 4]

export interface Place {
  readonly ours: SideName
  readonly peers: readonly { readonly name: SideName; readonly part: Part }[]
  /** Starts what keeps the tasks, new and empty. */
  start(): Promise<Where & { stop(): Promise<unknown> }>
  /** What else there is to say of so many processes. */
  more?(nodes: number, endToEndMs: number): Promise<BenchRow>
}

/** What is shown of it. Times, and numbers per task: less is better. */
interface Kind {
  readonly what: string
  of(measured: Measured): number | undefined
  shown(value: number): string
  /** The same whoever works, and so said once. */
  readonly isOfProducer?: boolean
}

const KINDS: readonly Kind[] = [
  { what: 'end to end', of: ({ endToEndMs }) => endToEndMs, shown: perSecond },
  { what: 'added while nobody works', of: ({ enqueueMs }) => enqueueMs, shown: perSecond, isOfProducer: true },
  { what: 'drained then', of: ({ drainMs }) => drainMs, shown: perSecond },
  ...latencies('submit to start', ({ toStart }) => toStart),
  ...latencies('submit to result', ({ toResult }) => toResult),
  ...QUESTIONS.map((question) => ({
    what: `${question} per task`,
    of: (measured: Measured) => (measured.question === question ? measured.asked : undefined),
    shown: (value: number) => value.toFixed(3),
  })),
  { what: 'connections', of: ({ connections }) => connections, shown: String },
]

function perSecond(tookMs: number): string {
  return rate(TASKS, tookMs)
}

function latencies(what: string, of: (measured: Measured) => Latency | undefined) {
  return (['p50', 'p99'] as const).map((p) => ({
    what: `a lone task, ${what}, ${p}`,
    of: (measured: Measured) => of(measured)?.[p],
    shown: duration,
  }))
}

async function measure({ start }: Place, name: SideName, nodes: number, part: Part): Promise<Measured> {
  const { stop, ...where } = await start()
  try {
    const measured = await measureSide(name, where, nodes, part)
    console.error(`${name}, ${nodes}: ${JSON.stringify(measured)}`)
    return measured
  } catch (error) {
    if (!(error instanceof TooSlow)) throw error
    console.error(error.message)
    return {}
  } finally {
    await stop()
  }
}

/** All that is measured at one place, with one process that works and with four. */
export async function measurePlace(place: Place): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const peers: Place['peers'][number][] = []
  for (const peer of place.peers) {
    const side = await loadSide(peer.name)
    if (typeof side === 'string') console.error(side)
    else peers.push(peer)
  }
  for (const nodes of NODES) {
    const ours = await measure(place, place.ours, nodes, 'all')
    const beside = new Map<SideName, Measured>()
    for (const { name, part } of peers) beside.set(name, await measure(place, name, nodes, part))
    rows.push(...rowsOf(ours, beside, nodes))
    if (place.more !== undefined) rows.push(await place.more(nodes, ours.endToEndMs ?? Number.NaN))
  }
  return rows
}

export const titleOf = (nodes: number): string => (nodes === 1 ? '1 process' : `${nodes} processes`)

function rowsOf(ours: Measured, beside: ReadonlyMap<SideName, Measured>, nodes: number): BenchRow[] {
  const title = titleOf(nodes)
  const rows: BenchRow[] = []
  for (const { what, of, shown, isOfProducer = false } of KINDS) {
    const mine = of(ours)
    if (mine === undefined || (isOfProducer && nodes !== NODES[0])) continue
    const row = { what: isOfProducer ? what : `${title}: ${what}`, batuta: shown(mine), budget: '' }
    const others = [...beside].flatMap(([name, measured]): BenchRow[] => {
      const theirs = of(measured)
      return theirs === undefined ? [] : [{ ...row, against: `${name}, ${shown(theirs)}`, ratio: mine / theirs }]
    })
    rows.push(...(others.length === 0 ? [{ ...row, against: '' }] : others))
  }
  if (nodes === 1) return rows
  return [
    ...rows,
    refused(`${title}: claims refused`, ours.refusedShare),
    refused(`${title}: claims refused, drained`, ours.refusedOfDrained),
  ]
}

function refused(what: string, share = Number.NaN): BenchRow {
  return { what, batuta: `${(100 * share).toFixed(1)} %`, against: '', budget: '< 5 %' }
}
