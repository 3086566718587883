import { describe, expect, it } from 'vitest'
import type { TaskRecord } from '../../src/task/task-record.js'
import { check } from '../../src/testing/simulation/checker.js'
import type { RunEvent } from '../../src/testing/simulation/event-log.js'
import { INVARIANTS } from '../../src/testing/simulation/invariants/index.js'
import { attempt, ended, FACTS, RUN, ready, running, Story, stop } from './story.js'

/** A task's whole good life. */
function goodLife(): Story {
  const story = new Story()
  const task = running()
  return story
    .commit('n0.1', ['task', 't1', ready()])
    .event({ type: 'client:accepted', node: 'n0.1', ref: 1, taskId: 't1' })
    .commit('n0.1', ['task', 't1', task])
    .event({ type: 'handler:start', ...RUN })
    .event({ type: 'handler:return', counted: false, ...RUN })
    .commit('n0.1', ['task', 't1', ended(task, 'completed', 'completed', { output: { ref: 1, run: 7 } })])
    .event({
      type: 'client:result',
      node: 'n0.1',
      ref: 1,
      taskId: 't1',
      outcome: 'completed',
      output: { ref: 1, run: 7 },
    })
}

const only = (expected: RegExp) => [expect.stringMatching(expected)]

describe('checkers', () => {
  it('have nothing to say about a good life', () => {
    expect(
      goodLife().event({ type: 'quiet' }).event({ type: 'node:stopping', node: 'n0.1' }).event(stop()).found(),
    ).toEqual([])
  })

  describe('1 one terminal state', () => {
    it.each<[string, (story: Story) => Story, RegExp]>([
      [
        'a task that is left',
        (s) => s.commit('n0.1', ['task', 't2', ready({ id: 't2' })]),
        /1: task t2 is still ready/,
      ],
      [
        'a task accepted without being stored',
        (s) =>
          s
            .event({ type: 'client:accepted', node: 'n0.1', ref: 2, taskId: 't9' })
            .event({ type: 'client:unanswered', node: 'n0.1', ref: 2, taskId: 't9', code: 'X' }),
        /1: task t9 was accepted but never stored/,
      ],
      [
        'a second terminal state',
        (s) => s.commit('n0.1', ['task', 't1', ended(running(), 'cancelled', 'completed')]),
        /1: task t1 was completed and became cancelled/,
      ],
      [
        'a task made again after its purge',
        (s) =>
          s
            .later(130_000)
            .commit('n0.1', ['task', 't1', undefined])
            .commit('n0.1', ['task', 't1', ready()])
            .commit('n0.1', ['task', 't1', ready({ state: 'cancelled' })]),
        /1: task t1 was created twice/,
      ],
      [
        'a purge too early',
        (s) => s.later(5_000).commit('n0.1', ['task', 't1', undefined]),
        /1: task t1 was deleted while its creating set/,
      ],
    ])('finds %s', (_name, tell, expected) => {
      expect(tell(goodLife()).event(stop()).found()).toEqual(only(expected))
    })
  })

  describe('1 created once', () => {
    it('finds two tasks of one idempotency key, and a key without its record', () => {
      const task = (id: string) => ready({ id, state: 'cancelled', idempotencyKey: 'k' })
      const story = goodLife()
        .commit('n0.1', ['task', 'a', task('a')], ['idempotency', 'default/plain/k', { taskId: 'a' }])
        .commit('n0.1', ['task', 'b', task('b')])
        .event(stop())
      expect(story.found()).toEqual(only(/1: task b was created without its idempotency record/))
    })

    it('finds submits of one key that were given two tasks', () => {
      const story = goodLife().event({ type: 'client:accepted', node: 'n0.1', ref: 1, taskId: 't1' })
      story.commit('n0.1', ['task', 't2', ready({ id: 't2', state: 'cancelled' })])
      story.event({ type: 'client:accepted', node: 'n0.1', ref: 1, taskId: 't2' }).event(stop())
      expect(story.found()).toEqual(only(/1: submits of ref 1 with one key gave t1 and t2/))
    })

    it('finds a staged task that came apart from its parent', () => {
      const child = ready({ id: 'c', state: 'cancelled', parentId: 't1', input: { ref: 3 } })
      expect(goodLife().commit('n0.1', ['task', 'c', child]).event(stop()).found()).toEqual(
        only(/1: task c was created apart from the completion/),
      )
    })
  })

  describe('1 repeats are answered', () => {
    const told = (others: boolean) => {
      const own = ready({ id: 'a', turnKey: 'k', seq: 1, idempotencyKey: 'i', input: { ref: 5 } })
      const story = goodLife()
        .event({ type: 'client:submit', node: 'n0.1', ref: 5 })
        .commit(
          'n0.1',
          ['task', 'a', own],
          ['turn', 'k', { nextSeq: 2, head: 1, touchedAt: 0 }],
          ['idempotency', 'i', { taskId: 'a' }],
        )
      if (others) {
        const other = ready({ id: 'b', turnKey: 'k', seq: 2, state: 'waiting' })
        story.commit('n0.1', ['task', 'b', other], ['turn', 'k', { nextSeq: 3, head: 1, touchedAt: 0 }])
        story.commit('n0.1', ['task', 'b', { ...other, state: 'cancelled' }])
      }
      story.event({ type: 'client:refused', node: 'n0.1', ref: 5, code: 'ORDERING_BUSY' })
      const nextSeq = others ? 3 : 2
      story.commit(
        'n0.1',
        ['task', 'a', { ...own, state: 'cancelled' }],
        ['turn', 'k', { nextSeq, head: nextSeq, touchedAt: 0 }],
      )
      return story.event(stop()).found()
    }
    it('finds a repeat that is refused because of its own task', () => {
      expect(told(false)).toEqual(only(/1: a repeat of ref 5 was refused as ORDERING_BUSY because of its own task a/))
      expect(told(true)).toEqual([])
    })
  })

  describe('2 accepted once', () => {
    const half = () => new Story().commit('n0.1', ['task', 't1', ready()])
    it('finds an output that no handler returned', () => {
      const task = running()
      const story = half().commit('n0.1', ['task', 't1', task])
      story
        .commit('n0.1', ['task', 't1', ended(task, 'completed', 'completed', { output: { ref: 1, run: 7 } })])
        .event(stop())
      expect(story.found()).toEqual(only(/2: task t1 completed with what no handler/))
    })

    it('finds a settle by a foreign process', () => {
      const task = running()
      const story = half().commit('n0.1', ['task', 't1', task])
      story.commit('n1.2', ['task', 't1', ended(task, 'failed', 'failed')]).event(stop())
      expect(story.found()).toEqual(only(/2: task t1: n1.2 settled an attempt of o1/))
    })

    it('finds an attempt declared lost while its owner has a record', () => {
      const task = running()
      const story = half().commit('n0.1', ['task', 't1', task])
      story.commit('n1.2', ['task', 't1', ended(task, 'failed', 'lost')]).event(stop())
      expect(story.found()).toEqual(only(/2: task t1: attempt 1 was lost while its owner o1 had a record/))
    })

    it('finds a claim over an open attempt, and by an owner without a record', () => {
      const task = running()
      const second = running({ attempts: [...task.attempts, attempt(2, { ownerId: 'o9' })], holder: 'o9' })
      const story = half().commit('n0.1', ['task', 't1', task]).commit('n0.1', ['task', 't1', second])
      story.commit('n0.1', ['task', 't1', ended(second, 'cancelled', 'cancelled')]).event(stop())
      expect(story.found()).toEqual([
        expect.stringMatching(/2: task t1 was claimed by o9, which never had a record/),
        expect.stringMatching(/2: task t1 was claimed again while an attempt was open/),
      ])
    })

    it('finds a submitter who was told something else', () => {
      const story = goodLife().event({ type: 'client:result', node: 'n0.1', ref: 1, taskId: 't1', outcome: 'failed' })
      expect(story.event(stop()).found()[0]).toMatch(/2: task t1 is completed, but its submitter was told failed/)
    })
  })

  describe('3 slots and limits', () => {
    it('finds more claims than slots', () => {
      const [a, b] = [running({ id: 'a' }), running({ id: 'b' })]
      const story = new Story().commit('n0.1', ['task', 'a', a], ['task', 'b', b])
      for (const taskId of ['a', 'b']) story.event({ type: 'emitted', node: 'n0.1', name: 'task:started', taskId })
      story.commit(
        'n0.1',
        ['task', 'a', ended(a, 'cancelled', 'cancelled')],
        ['task', 'b', ended(b, 'cancelled', 'cancelled')],
      )
      expect(story.event(stop()).found()).toEqual(only(/3: o1\/worker holds 2 claims, its slots are 1/))
    })

    it('finds more handlers than slots, and more starts than a rate', () => {
      const story = goodLife()
      const runs = [21, 22].map((run) => ({ ...RUN, run, taskId: `t${run}` }))
      for (const run of runs) story.event({ type: 'handler:start', ...run })
      for (const run of runs) story.event({ type: 'handler:return', counted: false, ...run })
      expect(story.event(stop()).found()).toEqual(only(/3: 2 handlers run on worker/))
      const rated = new Story().commit('n0.1', ['task', 'r', ready({ id: 'r', type: 'rated', state: 'cancelled' })])
      for (const run of [1, 2, 3]) {
        const at = { ...RUN, taskId: 'r', run }
        rated
          .later(300)
          .event({ type: 'handler:start', ...at })
          .event({ type: 'handler:return', counted: false, ...at })
      }
      expect(rated.event(stop()).found()).toEqual(only(/3: 3 starts of rated within 1000 ms/))
    })

    it('finds a limited task without a permit, and a permit that leaked', () => {
      const task = running({ type: 'limited' })
      const bare = new Story().commit('n0.1', ['task', 't1', task])
      bare.commit('n0.1', ['task', 't1', ended(task, 'cancelled', 'cancelled')]).event(stop())
      expect(bare.found()).toContainEqual(
        expect.stringMatching(/3: task t1 of the limited type limited is held without/),
      )
      const held = running({ type: 'limited', permitId: 'limited/0' })
      const leak = new Story().commit(
        'n0.1',
        ['task', 't1', held],
        ['permit', 'limited/0', { taskId: 't1', token: 'token of t1' }],
      )
      leak.commit('n0.1', ['task', 't1', ended(held, 'cancelled', 'cancelled')]).event(stop())
      expect(leak.found()).toEqual(only(/3: permit limited\/0 is kept for t1/))
    })
  })

  describe('4 turn order', () => {
    const turn = (nextSeq: number, head: number) => ({ nextSeq, head, touchedAt: 0 })
    const numbered = (id: string, seq: number, over: Partial<TaskRecord> = {}) =>
      ready({ id, turnKey: 'k', seq, ...over })
    const over = (id: string, seq: number) => numbered(id, seq, { state: 'cancelled' })

    it('accepts a queue that goes on', () => {
      const story = new Story()
        .commit('n0.1', ['turn', 'k', turn(2, 1)], ['task', 'a', numbered('a', 1)])
        .commit('n0.1', ['turn', 'k', turn(3, 1)], ['task', 'b', numbered('b', 2, { state: 'waiting' })])
        .commit('n0.1', ['turn', 'k', turn(3, 2)], ['task', 'a', over('a', 1)], ['task', 'b', numbered('b', 2)])
        .commit('n0.1', ['turn', 'k', turn(3, 3)], ['task', 'b', over('b', 2)])
      expect(story.event(stop()).found()).toEqual([])
    })

    it.each<[string, (story: Story) => Story, RegExp]>([
      [
        'a turn that nobody passes',
        (s) => s.commit('n0.1', ['task', 'a', over('a', 1)], ['task', 'b', over('b', 2)]),
        /4: the turn of k is stuck at 1 of 3/,
      ],
      [
        'a task that starts out of turn',
        (s) =>
          s
            .commit('n0.1', ['task', 'b', numbered('b', 2)])
            .commit('n0.1', ['turn', 'k', turn(3, 3)], ['task', 'a', over('a', 1)], ['task', 'b', over('b', 2)]),
        /4: task b is ready, but the turn of k is at 1, not 2/,
      ],
      [
        'a number given twice',
        (s) =>
          s
            .commit('n0.1', ['turn', 'k', turn(3, 2)], ['task', 'a', over('a', 1)], ['task', 'b', numbered('b', 2)])
            .commit('n0.1', ['turn', 'k', turn(3, 3)], ['task', 'b', over('b', 2)], ['task', 'c', over('c', 2)]),
        /4: tasks b and c both have number k 2/,
      ],
      [
        'a task that was passed over',
        (s) =>
          s
            .commit('n0.1', ['turn', 'k', turn(3, 3)], ['task', 'a', over('a', 1)])
            .commit('n0.1', ['task', 'b', over('b', 2)]),
        /4: the turn of k passed over b/,
      ],
    ])('finds %s', (_name, tell, expected) => {
      const story = new Story()
        .commit('n0.1', ['turn', 'k', turn(2, 1)], ['task', 'a', numbered('a', 1)])
        .commit('n0.1', ['turn', 'k', turn(3, 1)], ['task', 'b', numbered('b', 2, { state: 'waiting' })])
      expect(tell(story).event(stop()).found()).toContainEqual(expect.stringMatching(expected))
    })

    it('finds two running at once', () => {
      const run = (id: string, seq: number) =>
        running({ id, turnKey: 'k', seq, attempts: [attempt(1, { instanceId: id })] })
      const story = new Story().commit(
        'n0.1',
        ['turn', 'k', turn(3, 1)],
        ['task', 'a', run('a', 1)],
        ['task', 'b', run('b', 2)],
      )
      expect(story.found()).toContainEqual(expect.stringMatching(/4: ordering key k has 2 running tasks/))
    })
  })

  describe('5 rank order', () => {
    const burst = (over: (i: number) => Partial<TaskRecord>) => {
      const story = new Story()
      const writes = Array.from({ length: 80 }, (_, i): [string, string, object] => {
        const id = `t${String(i).padStart(2, '0')}`
        return ['task', id, ready({ id, rank: i, ...over(i) })]
      })
      return story.commit('n0.1', ...writes).later(30_000)
    }
    const claim = (id: string, rank: number, over: Partial<TaskRecord> = {}) => running({ id, rank, ...over })
    const cancelAll = (story: Story) => {
      const ids = Array.from({ length: 80 }, (_, i) => `t${String(i).padStart(2, '0')}`)
      story.commit(
        'n0.1',
        ...ids.map((id): [string, string, object] => ['task', id, ready({ id, state: 'cancelled' })]),
      )
      return story
        .event(stop())
        .found({ slots: new Map([['worker', 3]]) })
        .filter((text) => text.startsWith('5'))
    }

    it('lets a claim pass over the head of the window, and no more', () => {
      // 64, and one for each of three slots on two nodes.
      expect(cancelAll(burst(() => ({})).commit('n0.1', ['task', 't70', claim('t70', 70)]))).toEqual([])
      expect(cancelAll(burst(() => ({})).commit('n0.1', ['task', 't71', claim('t71', 71)]))).toEqual(
        only(/5: the claim of t71 passed over 71 tasks/),
      )
    })

    it('finds a tenant that is made to wait', () => {
      const story = burst((i) => (i === 40 ? { tenant: 'acme' } : {}))
      for (let i = 0; i < 6; i++) story.commit('n0.1', ['task', `t0${i}`, claim(`t0${i}`, i)])
      const found = () => check(story.log.events, { ...FACTS, nodes: 1, faultless: true, ended: true }, INVARIANTS)
      expect(found().map((each) => each.text)).toContainEqual(expect.stringMatching(/overtook the first task t40/))
    })
  })

  describe('6 cancel is final', () => {
    it('finds a handler that is never told', () => {
      const task = running()
      const story = new Story().commit('n0.1', ['task', 't1', task]).event({ type: 'handler:start', ...RUN })
      story.commit('n1.2', ['task', 't1', { ...ended(task, 'cancelled', 'cancelled'), holder: 'o1' }])
      story.later(20_000).event({ type: 'quiet' })
      story
        .commit('n0.1', ['task', 't1', ended(task, 'cancelled', 'cancelled')])
        .event({ type: 'handler:throw', ...RUN, error: '' })
      expect(story.event(stop()).found()).toEqual(only(/6: the handler of cancelled task t1 on n0.1 was never aborted/))
    })

    it('gives a process that stands still, or is cut off, its time when that is over', () => {
      const task = running()
      const story = new Story().commit('n0.1', ['task', 't1', task]).event({ type: 'handler:start', ...RUN })
      story.event({ type: 'fault', node: 'n0.1', text: 'stall for 9000 ms' }).later(1_000)
      story.commit('n1.2', ['task', 't1', { ...ended(task, 'cancelled', 'cancelled'), holder: 'o1' }])
      story.later(8_000).event({ type: 'fault', node: 'n0.1', text: 'stall is over' })
      expect(story.found().filter((text) => text.startsWith('6'))).toEqual([])
      story.later(6_900).event({ type: 'handler:abort', ...RUN, reason: 'cancel' })
      expect(story.found().filter((text) => text.startsWith('6'))).toEqual([])
    })

    it('gives an agent that polls its time from the end of its claim, whenever the faults end', () => {
      const task = { ...running(), claimEndsAt: FACTS.startMs + 15_000 }
      const story = new Story().commit('n0.1', ['task', 't1', task]).event({ type: 'handler:start', ...RUN })
      story.commit('n1.2', ['task', 't1', { ...ended(task, 'cancelled', 'cancelled'), holder: 'poll:worker' }])
      story.later(1_000).event({ type: 'quiet' })
      story.later(15_000).event({ type: 'handler:abort', ...RUN, reason: 'CLAIM_LOST' })
      expect(story.found().filter((text) => text.startsWith('6'))).toEqual([])
    })

    it('finds what a cancelled attempt left in a session', () => {
      const task = running()
      const story = new Story().commit('n0.1', ['task', 't1', task])
      const context = { last: { value: { taskId: 't1', attempt: 1 }, version: 1 } }
      story
        .commit('n0.1', ['session', 's', { context, messages: [], tenant: 'default' }])
        .commit('n0.1', ['task', 't1', ended(task, 'cancelled', 'cancelled')])
      expect(story.event(stop()).found()).toEqual(only(/6: session s keeps last of attempt 1 of t1: cancelled/))
    })
  })

  it('6: finds an interrupt that left an earlier task alone', () => {
    const story = new Story()
      .commit('n0.1', ['task', 'a', ready({ id: 'a', turnKey: 'k', seq: 1 })], ['turn', 'k', { nextSeq: 2, head: 1 }])
      .commit(
        'n0.1',
        ['task', 'b', ready({ id: 'b', turnKey: 'k', seq: 2, state: 'waiting' })],
        ['turn', 'k', { nextSeq: 3, head: 1 }],
      )
      .event({ type: 'client:accepted', node: 'n0.1', ref: 8, taskId: 'b' })
    expect(story.found()).toContainEqual(expect.stringMatching(/6: b interrupted k, but a is still ready/))
  })

  describe('7 reasons are true', () => {
    const said = (reason: { kind: string; asOf?: number; until?: number; taskId?: string }): RunEvent => ({
      type: 'explained',
      node: 'n0.1',
      taskId: 't2',
      reason,
    })
    const story = () =>
      new Story().commit('n0.1', ['task', 't2', ready({ id: 't2', state: 'scheduled', runAt: 500 })]).later(100)
    const end = (s: Story) =>
      s
        .commit('n0.1', ['task', 't2', ready({ id: 't2', state: 'cancelled' })])
        .event(stop())
        .found()

    it('accepts a true one and finds false ones', () => {
      expect(end(story().event(said({ kind: 'scheduled', until: 500, asOf: 1_000_050 })))).toEqual([])
      expect(end(story().event(said({ kind: 'scheduled', until: 700, asOf: 1_000_050 })))).toEqual(
        only(/7: .* scheduled for 700/),
      )
      expect(end(story().event(said({ kind: 'all-busy', asOf: 1_000_050 })))).toEqual(
        only(/7: task t2 was said to be all-busy/),
      )
    })
  })

  describe('8 clean shutdown', () => {
    it.each<[string, RunEvent[], RegExp]>([
      ['timers', [stop({ timers: 1 })], /8: n0.1 stopped with 1 timers/],
      [
        'storage calls',
        [{ type: 'quiet' }, { type: 'node:stopping', node: 'n0.1' }, stop({ calls: 2 })],
        /8: n0.1 stopped with 2 storage calls/,
      ],
      ['listeners', [stop({ subscriptions: 1 })], /8: n0.1 stopped with 1 bus listeners/],
      ['handlers', [{ type: 'handler:start', ...RUN, run: 9 }, stop()], /8: n0.1 stopped with 1 running handlers/],
      ['a start afterwards', [stop(), { type: 'handler:start', ...RUN, run: 9 }], /8: a handler started on n0.1/],
      ['a node that never stops', [], /8: n0.1 is still up at the end/],
    ])('finds %s', (_name, events, expected) => {
      const story = goodLife()
      for (const event of events) story.event(event)
      expect(story.found()).toEqual(only(expected))
    })

    it('finds a caller who is never told', () => {
      const story = goodLife().event({ type: 'client:accepted', node: 'n0.1', ref: 1, taskId: 't1' })
      story.event({ type: 'quiet' }).event({ type: 'node:stopping', node: 'n0.1' }).event(stop())
      expect(story.found()).toEqual(only(/8: who waits for t1 on n0.1 was never told/))
    })
  })

  it('10: pass on what was broken', () => {
    expect(goodLife().event({ type: 'broken', text: 'unhandled' }).event(stop()).found()).toEqual(['10: unhandled'])
  })

  it('show the events around a violation', () => {
    const story = goodLife()
      .commit('n0.1', ['task', 't2', ready({ id: 't2' })])
      .event(stop())
    const [violation] = check(story.log.events, FACTS, INVARIANTS)
    expect(violation?.excerpt).toMatch(/task t2 absent -> ready/)
  })
})
