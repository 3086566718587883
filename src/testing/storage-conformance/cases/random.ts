import { strict as assert } from 'node:assert'
import { type Random, seededRandom } from '../../../internal/random.js'
import type { IndexDefinition, IndexQuery, KeyPart, Write, WriteSet } from '../../../storage/storage.js'
import { StorageModel } from '../model.js'
import type { Probe } from '../probe.js'
import { type Item, KIT_SCHEMA } from '../schema.js'
import { type CaseContext, topic } from '../storage-conformance.js'

const ROUNDS = 60
const TEXTS = ['a', 'ab', 'b', 'B', 'é', '\uffee', '😀'] as const
const NUMBERS = [-3, 0, 0.5, 1, 2, 10, 1.7e12] as const

/** Random choices over few ids and few values, so that they meet. */
class Dice {
  readonly #random: Random
  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  chance(share: number): boolean {
    return this.#random.next() < share
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  item(id: string): Item {
    const item: Record<string, unknown> = { n: this.below(1_000) }
    if (this.chance(0.6))
      Object.assign(item, { lane: this.pick(TEXTS), tenant: this.pick(TEXTS), rank: this.pick(NUMBERS) })
    if (this.chance(0.6)) item.at = this.pick(NUMBERS)
    // Keys without an id must be made unique by their writers.
    if (this.chance(0.4))
      Object.assign(item, { owner: this.pick(TEXTS), name: id, seq: this.below(5) * 100 + Number(id.slice(1)) })
    return item
  }

  write(probe: Probe, model: StorageModel, kind: string, id: string): Write {
    const stands = model.read(kind, id)?.version ?? null
    const expect = this.chance(0.85) ? stands : this.pick([null, 'stale'])
    if (this.chance(0.1)) return { kind, id, expect }
    if (expect !== null && this.chance(0.2)) return { kind, id, expect, leave: null }
    return { kind, id, expect, leave: { version: probe.version(), value: this.item(id) } }
  }

  /** Some sets; no record is in two of them. */
  sets(probe: Probe, model: StorageModel): WriteSet[] {
    const keys = Array.from({ length: 40 }, (_, i) => ({ kind: i % 5 === 0 ? 'note' : 'item', id: `i${i}` }))
    return Array.from({ length: 1 + this.below(5) }, () => {
      const chosen = Array.from({ length: 1 + this.below(3) }, () => keys.splice(this.below(keys.length), 1))
      return probe.set(chosen.flat().map(({ kind, id }) => this.write(probe, model, kind, id)))
    })
  }

  bound({ fields }: IndexDefinition, from: readonly KeyPart[] = []): KeyPart[] {
    const length = from.length + this.below(fields.length - from.length + 1)
    return fields.slice(0, length).map(({ name, type }, i) => {
      if (i < from.length) return from[i] as KeyPart
      return type === 'number' ? this.pick(NUMBERS) : name === 'id' ? `i${this.below(40)}` : this.pick(TEXTS)
    })
  }

  query(index: IndexDefinition): Omit<IndexQuery, 'limit'> {
    const prefix = this.chance(0.5) ? this.bound(index) : []
    return {
      prefix,
      ...(this.chance(0.4) && { after: this.bound(index, this.chance(0.7) ? prefix : []) }),
      ...(this.chance(0.4) && { upTo: this.bound(index, this.chance(0.7) ? prefix : []) }),
      order: this.pick(['asc', 'desc']),
    }
  }
}

async function compareQueries(dice: Dice, probe: Probe, model: StorageModel): Promise<void> {
  for (const index of KIT_SCHEMA.indexes) {
    const query = dice.query(index)
    const expected = model.query(index.name, query)
    const { records } = await probe.storage.query(index.name, { ...query, limit: 1_000 })
    assert.deepEqual(records, expected, `${index.name} ${JSON.stringify(query)}`)
    assert.equal((await probe.storage.count(index.name, query)).count, expected.length)
    const walked = await probe.walk(index.name, { ...query, limit: 1 + dice.below(4) })
    assert.deepEqual(
      walked,
      expected.map((record) => record.id),
    )
  }
}

async function play({ probe, seed }: CaseContext): Promise<void> {
  const dice = new Dice(seed)
  const model = new StorageModel()
  let last: WriteSet[] = []
  for (let round = 0; round < ROUNDS; round++) {
    // Now and then the sets of the round before come once more, whatever became of them.
    const sets = dice.chance(0.15) ? last : dice.sets(probe, model)
    const results = await probe.commit(...sets)
    assert.deepEqual(
      results,
      sets.map((set) => model.commit(set)),
    )
    last = sets
    if (round % 5 === 4) await compareQueries(dice, probe, model)
  }
  const records = model.all()
  assert.deepEqual((await probe.storage.read(records)).records, records)
}

/** Random operations, against a map and a sort. */
export const randomCases = topic('random', {
  'behaves as a map and a sort do': async (context) => {
    try {
      await play(context)
    } catch (error) {
      if (error instanceof Error) error.message += ` (seed ${context.seed})`
      throw error
    }
  },
})
