import { describe, expect, it } from 'vitest'
import type { TaskRecord } from '../../src/task/task-record.js'
import type { ChaosLine } from './chaos-log.js'
import { runningHandlers } from './running-handlers.js'

type Outcome = TaskRecord['attempts'][number]['outcome']

/** `early` runs from 100 in `life-1`, `late` starts at 300 in `life-2`; what else happened stands between. */
function most(outcome: Outcome, between: readonly ChaosLine[], nodes = 2): number {
  const taskOf = (id: string, of: Outcome) => [id, { id, attempts: [{ number: 1, outcome: of }] } as unknown] as const
  const tasks = new Map([taskOf('early', outcome), taskOf('late', 'completed')]) as ReadonlyMap<string, TaskRecord>
  const lines: readonly ChaosLine[] = [
    { t: 'owner', life: 'life-1', owner: 'o1', at: 10 },
    { t: 'start', id: 'early', attempt: 1, life: 'life-1', at: 100 },
    ...between,
    { t: 'start', id: 'late', attempt: 1, life: 'life-2', at: 300 },
  ]
  return Math.max(...[...runningHandlers(tasks, lines, nodes)].map(({ running }) => running.size))
}

const stopped = (life: string, from: number, until: number): ChaosLine => ({
  t: 'stopped',
  life,
  from,
  until,
  keepsFile: false,
})
const end: ChaosLine = { t: 'end', id: 'early', attempt: 1, life: 'life-1', at: 200 }

describe('handlers that run at once', () => {
  it('counts two that overlap, however the first one ended', () => {
    for (const outcome of ['completed', 'failed', 'cancelled'] as const) expect(most(outcome, [])).toBe(2)
  })

  it('does not count one that was left before, by an end or by a kill', () => {
    expect(most('completed', [end])).toBe(1)
    expect(most('completed', [{ t: 'killed', life: 'life-1', at: 200 }])).toBe(1)
    expect(most('completed', [{ t: 'killed', life: 'life-2', at: 200 }])).toBe(2)
  })

  it('forgives what was taken back, of several processes only', () => {
    for (const outcome of ['lost', 'released'] as const) {
      expect(most(outcome, [])).toBe(1)
      expect(most(outcome, [], 1)).toBe(2)
    }
  })

  it('forgives a cancelled one only if its process stood still, or was declared dead, while it ran', () => {
    expect(most('cancelled', [stopped('life-1', 150, 290)])).toBe(1)
    expect(most('cancelled', [{ t: 'owner', life: 'life-1', owner: 'o2', at: 290 }])).toBe(1)
    expect(most('cancelled', [stopped('life-2', 150, 290)])).toBe(2)
    expect(most('cancelled', [stopped('life-1', 20, 90)])).toBe(2)
    expect(most('cancelled', [stopped('life-1', 150, 290)], 1)).toBe(2)
  })
})
