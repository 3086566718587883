import { setTimeout as pause } from 'node:timers/promises'
import type { Orchestrator } from 'batuta'
import { garbageCollector } from '../support/collect-garbage.js'
import { type Bound, type Finding, judgeFlatness, type Sample } from './flatness.js'
import type { SoakStore } from './stores.js'
import { startNode, Traffic } from './traffic.js'

/** A soak: traffic for a while, and looks at what must not grow. */
export interface SoakOptions {
  readonly store: SoakStore
  readonly durationMs: number
  /** Operations a second, over all nodes. */
  readonly perSecond: number
  readonly sampleMs: number
  /** How long ended tasks and idle sessions are kept. */
  readonly keepMs: number
  /** From when on it is judged. */
  readonly judgedFromMs: number
  /** How long after the traffic the purge may take until nothing is left. */
  readonly emptyWithinMs: number
  readonly onSample?: ((sample: Sample) => void) | undefined
}

export interface SoakReport {
  readonly findings: readonly Finding[]
  readonly done: ReadonlyMap<string, number>
  readonly problems: readonly string[]
  /** Records that nobody let go of when the traffic was over, by kind: empty is well. */
  readonly leftBehind: Readonly<Record<string, number>>
}

const MB = 1024 * 1024

/** By how much each measure may rise over the judged time. */
export function boundOf(measure: string): Bound | undefined {
  if (measure === 'heap') return { share: 0.05, units: 1 * MB }
  // Of the process: it keeps pages that it may need again.
  if (measure === 'rss') return { share: 0.1, units: 16 * MB }
  if (measure === 'connections') return { share: 0, units: 0.5 }
  if (measure === 'store bytes') return { share: 0.1, units: 1 * MB }
  // With the room in it that is free: a mark of high water, which chance still raises now and then.
  if (measure === 'file bytes') return { share: 0.3, units: 1 * MB }
  if (measure === 'agent records' || measure === 'owner records') return { share: 0, units: 1 }
  // As many as came in the last two minutes, of traffic that comes by chance.
  return { share: 0.1, units: 30, deviations: 4 }
}

/** Runs traffic, samples, and judges. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { store, durationMs, perSecond, sampleMs, keepMs, judgedFromMs, onSample } = options
  const collect = garbageCollector()
  const apps: Orchestrator<string>[] = []
  const samples: Sample[] = []
  const startedAt = performance.now()
  try {
    for (let i = 0; i < store.nodes; i++) apps.push(await startNode(store.storage(), keepMs))
    const traffic = new Traffic(apps)
    const running = traffic.run(perSecond)
    while (performance.now() - startedAt < durationMs) {
      await pause(sampleMs)
      collect()
      const { heapUsed: heap, rss } = process.memoryUsage()
      const sample = {
        atMs: performance.now() - startedAt,
        values: { heap, rss, ...(await store.measure()) },
      }
      samples.push(sample)
      onSample?.(sample)
    }
    traffic.stop()
    await running
    await ended(apps, traffic.problems)
    const findings = judgeFlatness(samples, judgedFromMs, boundOf)
    const leftBehind = await leftAfter(store, options.emptyWithinMs)
    return { findings, done: traffic.done, problems: traffic.problems, leftBehind }
  } finally {
    await Promise.all(apps.map((app) => app.shutdown({ graceMs: 1_000 })))
  }
}

/** Waits for what nobody waited for. */
async function ended(apps: readonly Orchestrator<string>[], problems: string[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { tasks } = (await apps[0]?.listTasks({ status: ['pending', 'running'], limit: 1 })) ?? { tasks: [] }
    const [task] = tasks
    if (task === undefined) return
    if (tries === 100) {
      problems.push(`never ended: ${JSON.stringify(task)}`)
      return
    }
    await pause(100)
  }
}

/** What is still there when all should have been purged. */
async function leftAfter(store: SoakStore, withinMs: number): Promise<Readonly<Record<string, number>>> {
  const until = performance.now() + withinMs
  for (;;) {
    const left = Object.entries(await store.measure()).filter(
      ([measure, count]) => / records$/.test(measure) && !/^(agent|owner) /.test(measure) && count > 0,
    )
    if (left.length === 0 || performance.now() > until) return Object.fromEntries(left)
    await pause(500)
  }
}
