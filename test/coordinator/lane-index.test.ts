import { defineAgent, defineTask } from 'batuta'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AgentInstance } from '../../src/coordinator/agents/agent-instance.js'
import { LaneIndex } from '../../src/coordinator/agents/lane-index.js'
import { InstanceLoad } from '../../src/router/instance-load.js'
import { LanePool } from '../../src/router/lane-pool.js'
import { laneOf, parseLane } from '../../src/task/lane.js'

const TYPES = ['quote', 'report', 'mail'].map((type) => defineTask(type))
const CAPABILITIES = ['price', 'write', 'send', 'legal']

function instance(id: string, types: readonly number[], capabilities: readonly string[], catchAll: boolean) {
  const handlers = types.map((at) => (TYPES[at] as (typeof TYPES)[0]).handler(() => 1))
  const definition = defineAgent(id, { capabilities, handlers, ...(catchAll && { handler: () => 1 }) })
  return new AgentInstance(definition, new InstanceLoad({ instanceId: id, agentId: id, capabilities }), 0)
}

const some = fc.subarray(CAPABILITIES)
const step = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    types: fc.subarray([0, 1, 2]),
    capabilities: some,
    catchAll: fc.boolean(),
  }),
  fc.record({ do: fc.constant('remove' as const), who: fc.nat(20) }),
  fc.record({
    do: fc.constant('lane' as const),
    type: fc.constantFrom(undefined, 'quote', 'report', 'mail', 'other'),
    requires: some,
  }),
)

describe('LaneIndex', () => {
  it('finds whom a look at every agent and every lane would find, in the order of registration', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const index = new LaneIndex()
        const agents: AgentInstance[] = []
        const pools = new Map<string, LanePool>()
        let made = 0
        for (const one of steps) {
          if (one.do === 'add') {
            const agent = instance(`a${made++}`, one.types, one.capabilities, one.catchAll)
            const joined = index.add(agent).map(({ id }) => id)
            const expected = [...pools.keys()].filter((name) => agent.serves(parseLane(name)))
            expect(joined.toSorted()).toEqual(expected.toSorted())
            agents.push(agent)
          } else if (one.do === 'remove') {
            const [gone] = agents.splice(one.who, 1)
            if (gone !== undefined) index.remove(gone)
          } else {
            const name = laneOf(one.type, one.requires.toSorted())
            const lane = parseLane(name)
            if (pools.has(name) || lane.kind !== 'tasks') continue
            const pool = new LanePool(name)
            pools.set(name, pool)
            expect(index.addLane(lane, pool)).toEqual(agents.filter((agent) => agent.serves(lane)))
          }
          expect(index.capabilities).toEqual(new Set(agents.flatMap((agent) => agent.load.capabilities)))
          expect(index.types).toEqual(new Set(agents.flatMap((agent) => agent.types)))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('looks at no lane while 10,000 agents of 200 capability sets come and go', () => {
    const index = new LaneIndex()
    let looks = 0
    const pools = Array.from({ length: 200 }, (_, set) => {
      const requires = new Proxy(['price', `set-${set}`], {
        get(target, key) {
          if (key === 'every') looks++
          return Reflect.get(target, key)
        },
      })
      const pool = new LanePool(`task:quote:price,set-${set}`)
      index.addLane({ kind: 'tasks', type: 'quote', requires }, pool)
      return pool
    })
    looks = 0
    const agentOf = (i: number) => instance(`a${i}`, [0], ['price', `set-${i % 200}`], false)
    const agents = Array.from({ length: 10_000 }, (_, i) => agentOf(i))
    for (const agent of agents) index.add(agent)
    // Lanes are filed under what was rarest when they came: here, nobody had anything yet.
    const atFirst = looks
    expect(atFirst).toBeLessThanOrEqual(200 * 200)
    for (let i = 0; i < 5_000; i++) {
      const who = (i * 7_919) % 10_000
      index.remove(agents[who] as AgentInstance)
      agents[who] = agentOf(who)
      expect(index.add(agents[who] as AgentInstance)).toEqual([pools[who % 200]])
    }
    expect(looks).toBe(atFirst)
  })

  it('looks at no agent of a known group, and at no lane that requires what a new agent does not have', () => {
    const index = new LaneIndex()
    for (let i = 0; i < 500; i++) index.add(instance(`a${i}`, [0], ['price', 'write'], false))
    const asked = { lanes: 0 }
    const requires = new Proxy(['legal'], {
      get(target, key) {
        if (key === 'every') asked.lanes++
        return Reflect.get(target, key)
      },
    })
    for (let i = 0; i < 100; i++)
      index.addLane({ kind: 'tasks', type: 'quote', requires }, new LanePool(`task:quote:${i}`))
    expect(asked.lanes).toBe(0)
    index.add(instance('new', [0], ['send'], false))
    expect(asked.lanes).toBe(0)
    expect(index.add(instance('lawyer', [0], ['legal'], false)).length).toBe(100)
    expect(asked.lanes).toBe(100)
    index.add(instance('other lawyer', [0], ['legal'], false))
    expect(asked.lanes).toBe(100)
  })
})
