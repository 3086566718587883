import type { RecordValue, Storage } from 'batuta'

const HOUR_MS = 3_600_000
/** Sets of one commit, and commits under way at once: a server has the next one to work on while it answers. */
const BATCH = 1_000
const AT_ONCE = 4
const MARK = 'filled.'

/** So old are the youngest of those that are filled in, at least. */
export const FILLED_AGE_MS = HOUR_MS / 2

/** Puts copies of a finished task into an open storage, that ended one after the other some time ago. */
export async function fill(storage: Storage, sampleId: string, finished: number): Promise<void> {
  const { records, now } = await storage.read([{ kind: 'task', id: sampleId }])
  const [sample] = records
  if (sample === undefined) throw new Error('the sample is gone')
  const setOf = (n: number) => {
    const id = `${sampleId.slice(0, 9)}${String(n).padStart(14, '0')}`
    const at = now - HOUR_MS + Math.floor((n / finished) * (HOUR_MS - FILLED_AGE_MS))
    const value: RecordValue = { ...sample.value, id, createdAt: at, dueAt: at, rank: at, endedAt: at, input: { n } }
    const leave = { version: `${MARK}${n}`, value }
    return { writes: [{ kind: 'task', id, expect: null, leave }], notAfter: now + HOUR_MS }
  }
  let next = 0
  const lane = async () => {
    while (next < finished) {
      const [from, to] = [next, Math.min(finished, next + BATCH)]
      next = to
      const { results } = await storage.commit(Array.from({ length: to - from }, (_, i) => setOf(from + i)))
      if (!results.every(({ applied }) => applied)) throw new Error('a copy was refused')
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/** How many of those that were filled in are gone: they go in the order in which they ended. */
export async function goneOf(storage: Storage, finished: number): Promise<number> {
  const { records } = await storage.query('ended', { prefix: ['completed'], limit: 1 })
  const [oldest] = records
  if (oldest === undefined || !oldest.version.startsWith(MARK)) return finished
  return Number(oldest.version.slice(MARK.length))
}
