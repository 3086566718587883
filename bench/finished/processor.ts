import { readdirSync, readFileSync } from 'node:fs'

/** What Linux counts in, whatever the kernel was built with. */
const MS_PER_TICK = 10

/**
 * Processor time that a process of this machine has used, with its children, in milliseconds; `undefined` where the system does
 * not tell, or where no such program has that number.
 */
export function processorMs(pid: number, program: string): number | undefined {
  const own = statOf(String(pid))
  if (own?.program !== program) return undefined
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const children = pids.map(statOf).filter((stat) => stat?.parent === pid)
  const ticks = children.reduce((sum, child) => sum + (child?.ticks ?? 0), own.ticks + own.endedChildrenTicks)
  return ticks * MS_PER_TICK
}

function statOf(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const program = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const ticks = (...at: readonly number[]) => at.reduce((sum, i) => sum + (fields[i] ?? 0), 0)
    return { program, parent: fields[1], ticks: ticks(11, 12), endedChildrenTicks: ticks(13, 14) }
  } catch {
    // Another system, or a process that has just ended.
    return undefined
  }
}
