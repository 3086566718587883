import { Draw } from './draw.js'
import { TaskMaker } from './task-maker.js'
import {
  type AgentPlan,
  ANSWER,
  type MessagePlan,
  type TypePlan,
  type Workload,
  type WorkloadOptions,
} from './workload.js'

/** Makes a workload: the same one for the same options. */
export function makeWorkload(options: WorkloadOptions): Workload {
  const draw = Draw.of(options.seed, 'workload')
  const isChat = options.focus === 'messages'
  const isBurst = draw.chance(0.08) && !isChat
  const count = options.tasks ?? (isBurst ? draw.int(100, 200) : isChat ? draw.int(0, 4) : draw.int(8, 48))
  const activeMs = options.activeMs ?? (isBurst ? 2_000 : draw.int(4_000, isChat ? 8_000 : 20_000))
  const types = withRates(makeTypes(draw), Draw.of(options.seed, 'rates'))
  const agents = makeAgents(draw, options.features.polling)
  const maker = new TaskMaker(draw, options, types, agents, isBurst)
  const tasks = Array.from({ length: count }, () => maker.task(draw.int(0, activeMs)))
  const chat = Draw.of(options.seed, 'messages')
  const hasMessages = options.features.messages && (isChat || (!isBurst && chat.chance(0.4)))
  return {
    types,
    agents,
    tasks,
    activeMs,
    messages: hasMessages ? makeMessages(chat, options.nodes, activeMs) : [],
    whenBusy: isChat ? 'merge' : chat.pick(['enqueue', 'reject', 'interrupt', 'merge', 'merge']),
    mergeMs: chat.pick([0, 50, 400, 2_000]),
  }
}

/** Few people who write much: their sessions are busy most of the time. */
function makeMessages(draw: Draw, nodes: number, activeMs: number): MessagePlan[] {
  return Array.from({ length: draw.int(4, 30) }, (_, i) => ({
    messageId: `m${i}`,
    from: draw.pick(['ana', 'bob']),
    atMs: draw.int(0, activeMs),
    node: draw.int(0, nodes - 1),
    script: {
      ref: 10_000 + i,
      attempts: Array.from({ length: draw.int(1, 2) }, () => ({
        workMs: draw.duration(1, 1_500),
        end: draw.chance(0.15) ? 'throw' : 'return',
        onAbort: draw.pick(['stop', 'return', 'ignore']),
        context: draw.chance(0.5),
      })),
    },
    repeats: Array.from({ length: draw.int(0, 2) }, () => ({
      node: draw.int(0, nodes - 1),
      afterMs: draw.pick([0, 0, draw.duration(1, 5_000)]),
    })),
  }))
}

/** Some types may start only so often, over all nodes. */
function withRates(types: readonly TypePlan[], draw: Draw): TypePlan[] {
  const rated = draw.pick([[], ['priced'], ['plain', 'limited']])
  return types.map((type) => {
    if (!rated.includes(type.type)) return type
    return { ...type, rate: { limit: draw.int(1, 4), perMs: draw.pick([200, 350, 500]) } }
  })
}

function makeTypes(draw: Draw): TypePlan[] {
  return [
    { type: 'plain', requires: [], timeoutMs: 30_000, maxRetries: 3 },
    { type: 'priced', requires: ['pricing'], timeoutMs: draw.int(1_000, 8_000), maxRetries: 2 },
    { type: 'limited', requires: [], timeoutMs: 10_000, maxRetries: 2, limit: draw.int(1, 3) },
    { type: 'rescued', requires: ['pricing'], timeoutMs: 5_000, maxRetries: draw.int(0, 1), fallback: true },
    { type: 'limited-rescued', requires: [], timeoutMs: 5_000, maxRetries: 1, limit: 2, fallback: true },
    { type: ANSWER, requires: [], timeoutMs: 10_000, maxRetries: 2 },
    { type: 'broken', requires: [], timeoutMs: 5_000, maxRetries: 0, broken: true },
  ]
}

function makeAgents(draw: Draw, polling: boolean): AgentPlan[] {
  const named = ['plain', 'priced', 'limited', 'rescued', 'limited-rescued', 'broken', ANSWER]
  const agents: AgentPlan[] = [
    { id: 'clerk', capabilities: ['pricing'], slots: draw.int(1, 3), types: [] },
    { id: 'worker', capabilities: ['pricing', 'drawing'], slots: draw.int(1, 4), types: named },
  ]
  if (draw.chance(0.6)) agents.push({ id: 'temp', capabilities: [], slots: 1, types: ['plain', 'limited'] })
  if (draw.chance(0.4)) agents.push({ id: 'expert', capabilities: ['pricing'], slots: 2, types: ['priced', 'rescued'] })
  if (draw.chance(0.4) && polling) {
    const leaseMs = draw.pick([1_000, 3_000, 10_000])
    agents.push({ id: 'caller', capabilities: ['pricing'], slots: 2, types: ['plain', 'priced'], leaseMs })
  }
  return agents
}
