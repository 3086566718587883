import { describe, expect, it } from 'vitest'
import { POLLER } from '../../src/testing/simulation/event-log.js'
import { attempt, ended, FACTS, RUN, ready, running, Story } from './story.js'

/** How long after the end of the lease the other node begins. */
const AFTER_MS = 100
const OTHER = { ...RUN, node: 'n1.2', attempt: 2, run: 8 }

interface Over {
  /** What happens between the start of the first handler and the moment when its owner's lease is over. */
  readonly meanwhile?: (story: Story) => Story
  readonly agentId?: string
}

/** A task begins on one node, is lost there when the lease of that is over, and begins on another: what the checker says. */
function takenOver({ meanwhile = (story) => story, agentId = RUN.agentId }: Over): string[] {
  const story = new Story()
  const at = () => FACTS.startMs + story.nowMs
  const task = running()
  story.commit('n0.1', ['owner', 'o1', { beatAt: at() }], ['task', 't1', ready()]).commit('n0.1', ['task', 't1', task])
  story.event({ type: 'handler:start', ...RUN, agentId })
  meanwhile(story).nowMs = FACTS.leaseMs + AFTER_MS
  const lost = ended(task, 'ready', 'lost')
  story.commit('n1.2', ['owner', 'o2', { beatAt: at() }], ['owner', 'o1', undefined], ['task', 't1', lost])
  const attempts = [...lost.attempts, attempt(2, { ownerId: 'o2' })]
  story.commit('n1.2', ['task', 't1', running({ attempts, holder: 'o2' })])
  return story
    .event({ type: 'handler:start', ...OTHER })
    .found()
    .filter((text) => text.startsWith('2: a handler'))
}

const fault = (text: string) => (story: Story) => story.event({ type: 'fault', node: 'n0.1', text })

describe('2 one handler', () => {
  it('finds a handler that was not told to stop before another one of its task began', () => {
    const found = ['2: a handler of t1 started on n1.2, and the one on n0.1 had not been told to stop']
    expect(takenOver({})).toEqual(found)
    // Its timers were right again for longer than a lease, or it was the network that failed.
    const wasLate = (story: Story) => fault('stall is over')(fault('stall for 5000 ms')(story))
    expect(takenOver({ meanwhile: wasLate })).toEqual(found)
    const wasThawed = (story: Story) => fault('stall for 9000 ms')(story).event({ type: 'quiet' })
    expect(takenOver({ meanwhile: wasThawed })).toEqual(found)
    expect(takenOver({ meanwhile: fault('partition for 9000 ms') })).toEqual(found)
  })

  it.each<[string, Over]>([
    ['was told', { meanwhile: (story) => story.event({ type: 'handler:abort', ...RUN, reason: 'AbortError' }) }],
    ['has ended', { meanwhile: (story) => story.event({ type: 'handler:throw', ...RUN, error: '' }) }],
    ['stands still with its process', { meanwhile: fault('stall for 9000 ms') }],
    [
      'stood still until a moment ago',
      { meanwhile: (story) => fault('stall is over')(fault('stall for 2000 ms')(story).later(2_000)) },
    ],
    ['is of an agent that polls', { agentId: `${POLLER}worker` }],
  ])('says nothing of one that %s', (_name, over) => {
    expect(takenOver(over)).toEqual([])
  })
})
