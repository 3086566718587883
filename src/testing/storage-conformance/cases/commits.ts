import { strict as assert } from 'node:assert'
import type { Write } from '../../../storage/storage.js'
import { recordOf } from '../probe.js'
import { topic } from '../storage-conformance.js'

const conflict = (...found: unknown[]) => ({ applied: false, reason: 'conflict', found })

/** One guarded write. */
const guards = topic('guards', {
  'creates where nothing is': async ({ probe }) => {
    const write = probe.leave('a', { n: 1 })
    assert.deepEqual(await probe.commitSet(write), { applied: true })
    assert.deepEqual(await probe.read('a'), recordOf(write))
  },
  'refuses to create where something is, and says what': async ({ probe }) => {
    const record = await probe.create('a', { n: 1 })
    assert.deepEqual(await probe.commitSet(probe.leave('a', { n: 2 })), conflict(record))
    assert.deepEqual(await probe.read('a'), record)
  },
  'changes a record that has the expected version': async ({ probe }) => {
    const { version } = await probe.create('a', { n: 1 })
    const write = probe.leave('a', { n: 2 }, version)
    await probe.apply(write)
    assert.deepEqual(await probe.read('a'), recordOf(write))
  },
  'refuses to change a record that has another version': async ({ probe }) => {
    const record = await probe.create('a', { n: 1 })
    assert.deepEqual(await probe.commitSet(probe.leave('a', { n: 2 }, 'other')), conflict(record))
    assert.deepEqual(await probe.read('a'), record)
  },
  'refuses to change a record with a version that it had before': async ({ probe }) => {
    const first = await probe.create('a', { n: 1 })
    const write = probe.leave('a', { n: 2 }, first.version)
    await probe.apply(write)
    assert.deepEqual(await probe.commitSet(probe.leave('a', { n: 3 }, first.version)), conflict(recordOf(write)))
  },
  'refuses to change what is not there': async ({ probe }) => {
    assert.deepEqual(await probe.commitSet(probe.leave('a', { n: 1 }, 'v')), conflict(undefined))
    assert.equal(await probe.read('a'), undefined)
  },
  'deletes a record that has the expected version': async ({ probe }) => {
    const { version } = await probe.create('a', { n: 1, at: 1 })
    await probe.apply({ kind: 'item', id: 'a', expect: version, leave: null })
    assert.equal(await probe.read('a'), undefined)
  },
  'refuses to delete a record that has another version': async ({ probe }) => {
    const record = await probe.create('a', { n: 1, at: 1 })
    const result = await probe.commitSet({ kind: 'item', id: 'a', expect: 'other', leave: null })
    assert.deepEqual(result, conflict(record))
    assert.deepEqual(await probe.read('a'), record)
    assert.deepEqual(await probe.ids('times'), ['a'])
  },
  'creates again what was deleted': async ({ probe }) => {
    const { version } = await probe.create('a', { n: 1 })
    await probe.apply({ kind: 'item', id: 'a', expect: version, leave: null })
    const again = await probe.create('a', { n: 2 })
    assert.deepEqual(await probe.read('a'), again)
  },
  'only expects when nothing is to be left': async ({ probe }) => {
    const record = await probe.create('a', { n: 1 })
    await probe.apply({ kind: 'item', id: 'a', expect: record.version }, { kind: 'item', id: 'none', expect: null })
    assert.deepEqual(await probe.read('a'), record)
    assert.equal(await probe.read('none'), undefined)
  },
  'leaves nothing where absence is all that is expected': async ({ probe }) => {
    const absent = { kind: 'item', id: 'a', expect: null }
    for (const write of [absent, { ...absent, leave: null }]) {
      await probe.apply(write)
      assert.equal(await probe.read('a'), undefined)
      assert.deepEqual(await probe.ids('ids'), [])
    }
    await probe.create('a', { n: 1 })
  },
  'refuses an expectation that does not hold': async ({ probe }) => {
    const record = await probe.create('a', { n: 1 })
    assert.deepEqual(await probe.commitSet({ kind: 'item', id: 'a', expect: null }), conflict(record))
    assert.deepEqual(await probe.commitSet({ kind: 'item', id: 'a', expect: 'other' }), conflict(record))
    assert.deepEqual(await probe.commitSet({ kind: 'item', id: 'b', expect: 'other' }), conflict(undefined))
  },
  'compares versions as opaque texts': async ({ probe }) => {
    const leave = { version: '1', value: { n: 1 } }
    await probe.apply({ kind: 'item', id: 'a', expect: null, leave })
    for (const expect of ['01', '1.0', '1 ', ' 1', '+1', '']) {
      const result = await probe.commitSet({ kind: 'item', id: 'a', expect, leave: null })
      assert.equal(result.applied, false, `version "1" was taken for ${JSON.stringify(expect)}`)
    }
    await probe.apply({ kind: 'item', id: 'b', expect: null, leave: { version: 'Ab', value: {} } })
    assert.equal((await probe.commitSet({ kind: 'item', id: 'b', expect: 'ab', leave: null })).applied, false)
  },
})

/** Sets of several writes, and several sets. */
const sets = topic('sets', {
  'applies every write of a set, over kinds': async ({ probe }) => {
    const old = await probe.create('old', { at: 1 })
    const gone = await probe.create('gone', { at: 2 })
    const [item, note, changed] = [
      probe.leave('a', { at: 3 }),
      probe.leave('a', { at: 4 }, null, 'note'),
      probe.leave('old', { at: 5 }, old.version),
    ] as const
    await probe.apply(item, note, changed, { kind: 'item', id: 'gone', expect: gone.version, leave: null })
    assert.deepEqual(await probe.read('a'), recordOf(item))
    assert.deepEqual(await probe.read('a', 'note'), recordOf(note))
    assert.deepEqual(await probe.read('old'), recordOf(changed))
    assert.equal(await probe.read('gone'), undefined)
    assert.deepEqual(await probe.ids('times'), ['a', 'old'])
  },
  'applies nothing of a set whose last guard fails': async ({ probe }) => {
    const kept = await probe.create('kept', { at: 1 })
    const result = await probe.commitSet(
      probe.leave('new', { at: 2 }),
      { kind: 'item', id: 'kept', expect: kept.version, leave: null },
      probe.leave('absent', { at: 3 }, 'v'),
    )
    assert.equal(result.applied, false)
    assert.deepEqual(await probe.read('kept'), kept)
    assert.equal(await probe.read('new'), undefined)
    assert.deepEqual(await probe.ids('times'), ['kept'])
  },
  'applies nothing of a set whose first guard fails': async ({ probe }) => {
    assert.equal(
      (await probe.commitSet(probe.leave('absent', { at: 1 }, 'v'), probe.leave('new', { at: 2 }))).applied,
      false,
    )
    assert.equal(await probe.read('new'), undefined)
  },
  'applies nothing when a mere expectation fails': async ({ probe }) => {
    const result = await probe.commitSet(probe.leave('new', { at: 1 }), { kind: 'note', id: 'x', expect: 'v' })
    assert.equal(result.applied, false)
    assert.equal(await probe.read('new'), undefined)
  },
  'tells of each write what stands there, those that would have held too': async ({ probe }) => {
    const a = await probe.create('a', { n: 1 })
    const b = await probe.create('b', { n: 2 }, 'note')
    const result = await probe.commitSet(
      probe.leave('new', {}),
      { kind: 'note', id: 'b', expect: 'other' },
      probe.leave('a', {}, a.version),
    )
    assert.deepEqual(result, conflict(undefined, b, a))
  },
  'decides each set on its own and answers in their order': async ({ probe }) => {
    const taken = await probe.create('taken', {})
    const results = await probe.commit(
      probe.set([probe.leave('a', {})]),
      probe.set([probe.leave('taken', {})]),
      probe.set([probe.leave('b', {})]),
      probe.set([probe.leave('c', {}, 'v')]),
    )
    assert.deepEqual(results, [{ applied: true }, conflict(taken), { applied: true }, conflict(undefined)])
    assert.deepEqual(await probe.ids('ids'), ['a', 'b', 'taken'])
  },
  'takes no sets, many sets and large sets': async ({ probe }) => {
    assert.deepEqual(await probe.commit(), [])
    const many = Array.from({ length: 500 }, (_, i) => probe.set([probe.leave(`m${i}`, { at: i })]))
    for (const result of await probe.commit(...many)) assert.deepEqual(result, { applied: true })
    await probe.apply(...Array.from({ length: 100 }, (_, i): Write => probe.leave(`l${i}`, { at: 1_000 + i })))
    assert.equal((await probe.storage.count('times', {})).count, 600)
  },
  'lets one of several commits at once win': async ({ probe }) => {
    let { version } = await probe.create('a', { n: -1 })
    for (let round = 0; round < 5; round++) {
      const rivals = Array.from({ length: 10 }, (_, n) => [
        probe.leave('a', { n }, version),
        probe.leave(`r${round}-${n}`, { at: n }),
      ])
      const results = await Promise.all(rivals.map((writes) => probe.commitSet(...writes)))
      const winners = rivals.filter((_, i) => results[i]?.applied)
      assert.equal(winners.length, 1, `${winners.length} of 10 commits over one version were applied`)
      const [winner] = winners[0] as [Write]
      assert.deepEqual(await probe.read('a'), recordOf(winner))
      assert.equal((await probe.storage.count('times', {})).count, round + 1)
      version = recordOf(winner).version
    }
  },
})

/** The same sets once more. */
const resend = topic('resend', {
  'counts a creation as applied, and leaves it alone': async ({ probe }) => {
    const set = probe.set([probe.leave('a', { at: 1 }), probe.leave('b', { at: 2 }, null, 'note')])
    for (let time = 0; time < 3; time++) assert.deepEqual(await probe.commit(set), [{ applied: true }])
    assert.deepEqual(await probe.read('a'), recordOf(set.writes[0] as Write))
    assert.deepEqual(await probe.ids('times'), ['a'])
    assert.deepEqual(await probe.ids('notes'), ['b'])
  },
  'counts a change as applied': async ({ probe }) => {
    const { version } = await probe.create('a', { at: 1 })
    const set = probe.set([probe.leave('a', { at: 2 }, version)])
    for (let time = 0; time < 3; time++) assert.deepEqual(await probe.commit(set), [{ applied: true }])
    assert.deepEqual(await probe.read('a'), recordOf(set.writes[0] as Write))
    assert.deepEqual(await probe.ids('times'), ['a'])
  },
  'counts a deletion as applied': async ({ probe }) => {
    const { version } = await probe.create('a', { at: 1 })
    const set = probe.set([{ kind: 'item', id: 'a', expect: version, leave: null }, probe.leave('b', {})])
    for (let time = 0; time < 3; time++) assert.deepEqual(await probe.commit(set), [{ applied: true }])
    assert.equal(await probe.read('a'), undefined)
  },
  'counts as applied when what was only expected has moved since': async ({ probe }) => {
    const guard = await probe.create('guard', {})
    const set = probe.set([probe.leave('a', {}), { kind: 'item', id: 'guard', expect: guard.version }])
    await probe.commit(set)
    await probe.apply(probe.leave('guard', {}, guard.version))
    assert.deepEqual(await probe.commit(set), [{ applied: true }])
  },
  'is refused when a record of the set has moved on': async ({ probe }) => {
    const writes = [probe.leave('a', { at: 1 }), probe.leave('b', { at: 2 })] as const
    await probe.apply(...writes)
    const next = probe.leave('b', { at: 3 }, recordOf(writes[1]).version)
    await probe.apply(next)
    assert.deepEqual(await probe.commitSet(...writes), conflict(recordOf(writes[0]), recordOf(next)))
    assert.deepEqual(await probe.read('b'), recordOf(next))
  },
  'is refused when a record of the set was deleted since': async ({ probe }) => {
    const { version } = await probe.create('a', {})
    const change = probe.leave('a', {}, version)
    await probe.apply(change)
    await probe.apply({ kind: 'item', id: 'a', expect: recordOf(change).version, leave: null })
    assert.deepEqual(await probe.commitSet(change), conflict(undefined))
  },
  'never takes a set that only expects for one that was applied': async ({ probe }) => {
    assert.equal((await probe.commitSet({ kind: 'item', id: 'a', expect: 'v' })).applied, false)
  },
  'counts as applied even when it comes late': async ({ probe }) => {
    const write = probe.leave('a', {})
    await probe.apply(write)
    assert.deepEqual(await probe.commit(probe.set([write], 1)), [{ applied: true }])
  },
})

/** Sets after their time. */
const late = topic('late', {
  'refuses a set after its time, and writes nothing': async ({ probe }) => {
    const kept = await probe.create('kept', { at: 1 })
    const writes = [probe.leave('a', { at: 2 }), probe.leave('kept', { at: 3 }, kept.version)]
    const [result] = await probe.commit(probe.set(writes, 1))
    assert.deepEqual(result, { applied: false, reason: 'late', found: [undefined, kept] })
    assert.equal(await probe.read('a'), undefined)
    assert.deepEqual(await probe.read('kept'), kept)
  },
  'refuses a late deletion and a late expectation': async ({ probe }) => {
    const kept = await probe.create('kept', { at: 1 })
    const key = { kind: 'item', id: 'kept', expect: kept.version }
    for (const write of [{ ...key, leave: null }, key]) {
      assert.deepEqual(await probe.commit(probe.set([write], 1)), [{ applied: false, reason: 'late', found: [kept] }])
    }
    assert.deepEqual(await probe.read('kept'), kept)
  },
  'says late of a set that expects what another one expects in time': async ({ probe }) => {
    const kept = await probe.create('kept', { at: 1 })
    const writes = [{ kind: 'item', id: 'kept', expect: kept.version }]
    const [lateFirst, inTime] = await probe.commit(probe.set(writes, 1), probe.set(writes))
    assert.deepEqual([lateFirst?.applied, inTime?.applied], [false, true])
    const [first, lateSecond] = await probe.commit(probe.set(writes), probe.set(writes, 1))
    assert.deepEqual([first?.applied, lateSecond?.applied], [true, false])
  },
  'says late also when a guard fails': async ({ probe }) => {
    const [result] = await probe.commit(probe.set([probe.leave('a', {}, 'v')], 1))
    assert.deepEqual(result, { applied: false, reason: 'late', found: [undefined] })
  },
  'refuses only the late ones of several sets': async ({ probe }) => {
    const results = await probe.commit(probe.set([probe.leave('a', {})], 1), probe.set([probe.leave('b', {})]))
    assert.deepEqual(
      results.map((result) => result.applied),
      [false, true],
    )
    assert.deepEqual(await probe.ids('ids'), ['b'])
  },
})

/** Guarded commits: what is applied, refused, resent, and too late. */
export const commitCases = [...guards, ...sets, ...resend, ...late]
