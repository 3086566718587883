import type { SetResult, Storage, Write, WriteSet } from '../../src/storage/storage.js'
import { changingResults, changingSets, type Defect, type Defects, mapWrites } from './broken.js'

const isDelete = (write: Write) => write.leave === null
const conflict = (set: WriteSet): SetResult => {
  return { applied: false, reason: 'conflict', found: set.writes.map(() => undefined) }
}

/** Guards that are taken from what stands there are no guards. */
const ignoringGuards = (of: (write: Write) => boolean): Defect =>
  changingSets(async (set, inner) => {
    const { records } = await inner.read(set.writes)
    const writes = set.writes.map((write, i) => (of(write) ? { ...write, expect: records[i]?.version ?? null } : write))
    return { ...set, writes }
  })

const nonAtomic: Defect = (inner) => ({
  async commit(sets) {
    const results: SetResult[] = []
    for (const set of sets) {
      const parts = await inner.commit(set.writes.map((write) => ({ ...set, writes: [write] })))
      results.push(parts.results.find((result) => !result.applied) ?? { applied: true })
    }
    return { now: (await inner.read([])).now, results }
  },
})

/** Looks first, writes later, and others come in between. */
const checkThenAct: Defect = (inner) => {
  const unguarded = ignoringGuards(() => true)(inner) as Pick<Storage, 'commit'>
  return {
    async commit(sets) {
      const results: SetResult[] = []
      for (const set of sets) {
        const { records } = await inner.read(set.writes)
        await new Promise((resolve) => setTimeout(resolve, 2))
        const holds = set.writes.every((write, i) => (records[i]?.version ?? null) === write.expect)
        if (holds) await unguarded.commit([set])
        results.push(holds ? { applied: true } : conflict(set))
      }
      return { now: (await inner.read([])).now, results }
    },
  }
}

const allOrNothing: Defect = (inner) => ({
  async commit(sets) {
    const writes = sets.flatMap((set) => set.writes)
    const answer = await inner.commit([{ writes, notAfter: Math.min(...sets.map((set) => set.notAfter)) }])
    return { ...answer, results: sets.map(() => answer.results[0] as SetResult) }
  },
})

/** Applies whatever it has applied before, over anything that came since. */
const applyingTwice: Defect = (inner) => {
  const seen = new Set<string>()
  const unguarded = ignoringGuards(() => true)(inner) as Pick<Storage, 'commit'>
  return {
    async commit(sets) {
      const keyOf = (set: WriteSet) => set.writes.map((write) => write.leave?.version).join()
      const known = sets.length > 0 && sets.every((set) => seen.has(keyOf(set)))
      for (const set of sets) seen.add(keyOf(set))
      return known ? unguarded.commit(sets) : inner.commit(sets)
    },
  }
}

const refusingResends: Defect = (inner) => ({
  async commit(sets) {
    const results: SetResult[] = []
    for (const set of sets) {
      const { records } = await inner.read(set.writes)
      const holds = set.writes.every((write, i) => (records[i]?.version ?? null) === write.expect)
      const answer = holds ? await inner.commit([set]) : undefined
      results.push(answer?.results[0] ?? { applied: false, reason: 'conflict', found: records })
    }
    return { now: (await inner.read([])).now, results }
  },
})

const losingEverySecondCommit: Defect = (inner) => {
  let count = 0
  return {
    async commit(sets) {
      if (++count % 2 === 1) return inner.commit(sets)
      return { now: (await inner.read([])).now, results: sets.map(() => ({ applied: true })) }
    },
  }
}

const swallowingErrors: Defect = (inner) => ({
  commit: (sets) => inner.commit(sets).catch(async () => ({ now: 0, results: sets.map(() => ({ applied: true })) })),
})

/** What a storage may do wrong with commits, and the cases of the kit that notice. */
export const COMMIT_DEFECTS: Defects = {
  'a set that is not atomic': {
    defect: nonAtomic,
    cases: [
      'sets: applies nothing of a set whose last guard fails',
      'sets: applies nothing of a set whose first guard fails',
      'random: behaves as a map and a sort do',
    ],
  },
  'ignored versions': {
    defect: ignoringGuards((write) => write.expect !== null && write.leave !== undefined),
    cases: [
      'guards: refuses to change a record that has another version',
      'guards: refuses to change a record with a version that it had before',
      'guards: refuses to change what is not there',
      'guards: refuses to delete a record that has another version',
      'random: behaves as a map and a sort do',
    ],
  },
  'a creation that overwrites': {
    defect: ignoringGuards((write) => write.expect === null),
    cases: ['guards: refuses to create where something is, and says what', 'random: behaves as a map and a sort do'],
  },
  'a deletion that does not look': {
    defect: ignoringGuards(isDelete),
    cases: ['guards: refuses to delete a record that has another version'],
  },
  'ignored expectations': {
    defect: ignoringGuards((write) => write.leave === undefined),
    cases: [
      'guards: refuses an expectation that does not hold',
      'sets: applies nothing when a mere expectation fails',
      'resend: never takes a set that only expects for one that was applied',
    ],
  },
  'versions compared as numbers': {
    defect: changingSets(async (set, inner) => {
      const { records } = await inner.read(set.writes)
      const same = (a: string | null, b: string | undefined) => a !== null && b !== undefined && Number(a) === Number(b)
      const writes = set.writes.map((write, i) => {
        const version = records[i]?.version
        return same(write.expect, version) ? { ...write, expect: version ?? null } : write
      })
      return { ...set, writes }
    }),
    cases: ['guards: compares versions as opaque texts'],
  },
  'a check that others can slip past': {
    defect: checkThenAct,
    cases: ['sets: lets one of several commits at once win'],
  },
  'a lost write in a set': {
    defect: changingSets((set) => ({ ...set, writes: set.writes.slice(0, Math.max(1, set.writes.length - 1)) })),
    cases: ['sets: applies every write of a set, over kinds', 'random: behaves as a map and a sort do'],
  },
  'a commit that is answered and lost': {
    defect: losingEverySecondCommit,
    cases: ['guards: changes a record that has the expected version', 'read: sees every commit that was answered'],
  },
  'sets that hang together': {
    defect: allOrNothing,
    cases: ['sets: decides each set on its own and answers in their order'],
  },
  'results in another order': {
    defect: (inner) => ({
      async commit(sets) {
        const answer = await inner.commit(sets)
        return { ...answer, results: [...answer.results].reverse() }
      },
    }),
    cases: [
      'sets: decides each set on its own and answers in their order',
      'late: refuses only the late ones of several sets',
    ],
  },
  'a refusal that does not say what stands there': {
    defect: changingResults((result, set) =>
      result.applied ? result : { ...result, found: set.writes.map(() => undefined) },
    ),
    cases: [
      'guards: refuses to create where something is, and says what',
      'sets: tells of each write what stands there, those that would have held too',
    ],
  },
  'a resend applied twice': {
    defect: applyingTwice,
    cases: [
      'resend: is refused when a record of the set has moved on',
      'resend: is refused when a record of the set was deleted since',
    ],
  },
  'a resend refused': {
    defect: refusingResends,
    cases: [
      'resend: counts a creation as applied, and leaves it alone',
      'resend: counts a change as applied',
      'resend: counts a deletion as applied',
      'resend: counts as applied when what was only expected has moved since',
      'resend: counts as applied even when it comes late',
      'reopen: counts sets from before as applied',
      'random: behaves as a map and a sort do',
    ],
  },
  'an ignored notAfter': {
    defect: changingSets((set) => ({ ...set, notAfter: Number.MAX_VALUE })),
    cases: [
      'late: refuses a set after its time, and writes nothing',
      'late: refuses a late deletion and a late expectation',
      'late: refuses only the late ones of several sets',
    ],
  },
  'late sets called conflicts': {
    defect: changingResults((result) =>
      !result.applied && result.reason === 'late' ? { ...result, reason: 'conflict' } : result,
    ),
    cases: ['late: says late also when a guard fails'],
  },
  'swallowed errors': {
    defect: swallowingErrors,
    cases: [
      'errors: rejects a kind that was not declared, and writes nothing of that commit',
      'errors: rejects when a key can not be made, and writes nothing of that commit',
      'close: ends all use',
    ],
  },
  'a value that was changed on the way': {
    defect: changingSets((set) =>
      mapWrites(set, (write) => {
        if (!write.leave) return write
        const value = JSON.parse(JSON.stringify(write.leave.value), (_, part) => (part === null ? '' : part))
        return { ...write, leave: { ...write.leave, value } }
      }),
    ),
    cases: ['values: come back as they went in', 'values: keep fields that no index knows, in reads and in queries'],
  },
  'fields that no index knows dropped': {
    defect: changingSets((set) =>
      mapWrites(set, (write) => {
        if (!write.leave) return write
        const { at, lane, tenant, rank, owner, name, seq } = write.leave.value as Record<string, unknown>
        const value = JSON.parse(JSON.stringify({ at, lane, tenant, rank, owner, name, seq }))
        return { ...write, leave: { ...write.leave, value } }
      }),
    ),
    cases: ['values: keep fields that no index knows, in reads and in queries', 'values: come back as they went in'],
  },
  'ids without upper and lower case': {
    defect: (inner) => ({
      read: async (keys) => inner.read(keys.map((key) => ({ ...key, id: key.id.toLowerCase() }))),
      commit: async (sets) =>
        inner.commit(sets.map((set) => mapWrites(set, (write) => ({ ...write, id: write.id.toLowerCase() })))),
    }),
    cases: ['values: belong to their own record, whatever its id'],
  },
}
