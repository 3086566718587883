import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TenantLine, TenantTurns } from '../../src/engine/in-process/tenant-turns.js'

/** Tenants with so much left, in one line. */
function lineOf(left: ReadonlyMap<string, number>) {
  return new TenantLine((tenant) => (left.get(tenant) ?? 0) > 0)
}

/** Serves whoever is first and able. */
function serve(
  turns: TenantTurns,
  line: TenantLine,
  left: Map<string, number>,
  able: (tenant: string) => boolean = () => true,
) {
  let served: string | undefined
  for (let tenant = turns.first([line]); tenant !== undefined && served === undefined; tenant = turns.first([line])) {
    if (able(tenant)) {
      served = tenant
      left.set(tenant, (left.get(tenant) ?? 0) - 1)
      turns.serve(tenant)
      break
    }
    turns.passBy(tenant)
  }
  turns.done()
  return served
}

const names = ['a', 'b', 'c', 'd', 'e']

describe('turns of tenants', () => {
  it('go round, one task each, without weights', () => {
    const turns = new TenantTurns(() => 1)
    const left = new Map(names.map((name) => [name, 3]))
    const line = lineOf(left)
    for (const name of names) turns.join(line, name)
    const served = Array.from({ length: 15 }, () => serve(turns, line, left))
    expect(served).toEqual([...names, ...names, ...names])
    expect(serve(turns, line, left)).toBeUndefined()
  })

  it('give a tenant of weight 3 three of four, evenly', () => {
    const turns = new TenantTurns((tenant) => (tenant === 'gold' ? 3 : 1))
    const left = new Map([
      ['gold', 1_000],
      ['other', 1_000],
    ])
    const line = lineOf(left)
    for (const name of left.keys()) turns.join(line, name)
    const served = Array.from({ length: 400 }, () => serve(turns, line, left))
    for (let i = 0; i + 4 <= 400; i += 4) {
      expect(served.slice(i, i + 4).filter((name) => name === 'gold')).toHaveLength(3)
    }
  })

  it('are not used up by what is put back: its tenant is first again', () => {
    const turns = new TenantTurns(() => 1)
    const left = new Map(names.map((name) => [name, 9]))
    const line = lineOf(left)
    for (const name of names) turns.join(line, name)
    expect([serve(turns, line, left), serve(turns, line, left)]).toEqual(['a', 'b'])
    for (let i = 0; i < 3; i++) {
      expect(serve(turns, line, left)).toBe('c')
      turns.takeBack('c')
    }
    // Only the last turn comes back, and only once.
    turns.takeBack('c')
    expect([3, 4, 5, 6].map(() => serve(turns, line, left))).toEqual(['c', 'd', 'e', 'a'])
  })

  it('keep shares by weight within one task of each, whoever comes and goes, and let nobody save up or wait longer', () => {
    const step = fc.record({
      do: fc.constantFrom('serve', 'serve', 'serve', 'add', 'shut', 'open'),
      tenant: fc.constantFrom(...names),
      count: fc.integer({ min: 1, max: 40 }),
    })
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 1, 2, 2.5, 7), { minLength: 5, maxLength: 5 }),
        fc.array(step, { maxLength: 300, size: 'max' }),
        (weights, steps) => {
          const weightOf = (tenant: string) => weights[names.indexOf(tenant)] ?? 1
          const turns = new TenantTurns(weightOf)
          const left = new Map<string, number>()
          const line = lineOf(left)
          const shut = new Set<string>()
          /** For each tenant that waits: how often each other was served since it last was, or came. */
          const passed = new Map<string, Map<string, number>>()
          const canGo = (tenant: string) => (left.get(tenant) ?? 0) > 0 && !shut.has(tenant)
          for (const { do: what, tenant, count } of steps) {
            if (what === 'add') {
              left.set(tenant, (left.get(tenant) ?? 0) + count)
              turns.join(line, tenant)
            } else if (what === 'shut') shut.add(tenant)
            else if (what === 'open') shut.delete(tenant)
            else {
              const isAnybodyAble = names.some(canGo)
              const served = serve(turns, line, left, (name) => !shut.has(name))
              expect(served !== undefined).toBe(isAnybodyAble)
              if (served === undefined) continue
              passed.delete(served)
              for (const name of names) {
                if (name === served) continue
                if (!canGo(name)) {
                  passed.delete(name)
                  continue
                }
                const counts = passed.get(name) ?? new Map<string, number>()
                passed.set(name, counts)
                counts.set(served, (counts.get(served) ?? 0) + 1)
                // Between two of its own turns no other gets more than its weight says, rounded up, and one.
                const bound = Math.ceil(weightOf(served) / weightOf(name)) + 1
                expect(counts.get(served)).toBeLessThanOrEqual(bound)
              }
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('serves who joins after at most one task of each other, without weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(100), (others, before) => {
        const turns = new TenantTurns(() => 1)
        const left = new Map<string, number>()
        const line = lineOf(left)
        for (let i = 0; i < others; i++) {
          left.set(`t${i}`, 10_000)
          turns.join(line, `t${i}`)
        }
        for (let i = 0; i < before; i++) serve(turns, line, left)
        left.set('new', 1)
        turns.join(line, 'new')
        let waited = 0
        while (serve(turns, line, left) !== 'new') waited++
        expect(waited).toBeLessThanOrEqual(others)
      }),
    )
  })

  it('are the same in every lane: who was served in one stands behind in the others', () => {
    const turns = new TenantTurns(() => 1)
    const left = new Map(names.map((name) => [name, 9]))
    const [one, other] = [lineOf(left), lineOf(left)]
    for (const name of names) for (const line of [one, other]) turns.join(line, name)
    expect([serve(turns, one, left), serve(turns, one, left), serve(turns, other, left)]).toEqual(['a', 'b', 'c'])
    turns.takeBack('b')
    expect([serve(turns, other, left), serve(turns, one, left), serve(turns, other, left)]).toEqual(['b', 'd', 'e'])
    expect(serve(turns, other, left)).toBe('a')
  })

  it('cost nothing more for ten thousand tenants that wait in another lane', () => {
    const turns = new TenantTurns(() => 1)
    const elsewhere = new TenantLine(() => true)
    for (let i = 0; i < 10_000; i++) turns.join(elsewhere, `t${i}`)
    let looks = 0
    const here = new TenantLine(() => ++looks > 0)
    for (const name of ['t1', 't2', 'new']) turns.join(here, name)
    const counts = new Map<string, number>()
    for (let i = 0; i < 300; i++) {
      const tenant = turns.first([here])
      if (tenant === undefined) break
      turns.serve(tenant)
      turns.done()
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual([100, 100, 100])
    expect(looks).toBeLessThanOrEqual(2 * 300)
  })
})
