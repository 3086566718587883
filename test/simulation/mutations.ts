import type { Mutation } from './mutation-runner.js'

const MEMORY = 'src/storage/memory/memory-storage.ts'
const byStorageTest = { by: 'test', file: 'simulation/faulty-storage.test.ts' } as const
const byOwnerTest = { by: 'test', file: 'coordinator/owner-life.test.ts' } as const
const bySimulation = { by: 'simulation' } as const
/** Messages that are merged are a part of what runs are made of; here they are nearly all. */
const byMessages = { by: 'simulation', focus: 'messages' } as const

/**
 * One mutation for each rule without which the system would lose, leak or double something: those marked with a dagger in
 * the architecture page, and one for each of its invariants. Each breaks the rule in the sources' own words; when the text
 * changes, the mutation has to follow.
 */
export const MUTATIONS: readonly Mutation[] = [
  // The storage port.
  {
    rule: 'A record is changed only by guarded commits',
    file: MEMORY,
    edits: [
      { find: 'if ((cell === undefined ? null : cell.version) !== expect) return false', replace: 'void expect' },
    ],
    detect: byStorageTest,
  },
  {
    rule: 'A set whose records already carry the versions it would leave counts as applied',
    file: MEMORY,
    edits: [
      {
        find: '      return APPLIED\n    }\n    return { applied: false',
        replace: '    }\n    return { applied: false',
      },
    ],
    detect: byStorageTest,
  },
  {
    rule: 'A storage refuses a set after its notAfter',
    file: MEMORY,
    edits: [{ find: 'now <= set.notAfter && this.#holds', replace: 'this.#holds' }],
    detect: byStorageTest,
  },
  {
    rule: '† A query sees every commit answered before it began',
    file: 'src/testing/simulation/journal.ts',
    edits: [
      {
        find: '      query: (index, query) => inner.query(index, query),',
        replace: `      query: async (index, query) => {
        const key = JSON.stringify([index, query])
        const fresh = await inner.query(index, query)
        const stale = staleAnswers.get(key) ?? fresh
        staleAnswers.set(key, fresh)
        return { ...stale, now: fresh.now }
      },`,
      },
      { find: 'function keyOf(', replace: 'const staleAnswers = new Map()\n\nfunction keyOf(' },
    ],
    detect: bySimulation,
  },

  // Sending, resending, purging.
  {
    rule: '† Refused does not mean never applied: a submit reads its own task before it sends again',
    file: 'src/coordinator/submit.ts',
    edits: [
      {
        find: 'await lookUp(node, submission, isFirst ? undefined : id, waitMs)',
        replace: 'await lookUp(node, submission, undefined, waitMs)',
      },
      { find: 'const id = node.newId()\n  const notAfter', replace: 'let id = node.newId()\n  const notAfter' },
      {
        find: 'draft.release()\n    // Past',
        replace: 'draft.release()\n      id = node.newId()\n    // Past',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: 'Purged only when no copy of a commit can come any more',
    file: 'src/coordinator/nodes/purge.ts',
    edits: [{ find: 'const LATE_COPIES_MS = 120_000', replace: 'const LATE_COPIES_MS = 0' }],
    detect: bySimulation,
  },
  {
    rule: 'A set carries the notAfter of the first sending + 1 minute',
    file: 'src/coordinator/node-context.ts',
    edits: [{ find: 'const LATEST_MS = 60_000', replace: 'const LATEST_MS = 600_000' }],
    detect: bySimulation,
  },
  {
    rule: 'The committer holds back a set that touches a record of another',
    file: 'src/coordinator/commit/commit-queue.ts',
    edits: [{ find: 'if (touch(touched, set)) {', replace: 'if (touch(new Map(), set)) {' }],
    detect: bySimulation,
  },

  // Liveness.
  {
    rule: '† An owner without a record is dead: what it holds is found and taken back',
    file: 'src/coordinator/nodes/recovery.ts',
    edits: [
      {
        find: "(await this.node.read('owner', ownerId)) === undefined",
        replace: "(await this.node.read('owner', ownerId)) === undefined && false",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Each beat, what this owner holds is compared with what it knows',
    file: 'src/coordinator/nodes/owner-life.ts',
    edits: [{ find: 'for (const entry of held) this.hooks.compare(entry)', replace: '' }],
    detect: bySimulation,
  },
  {
    rule: '† Compared by claim token, not by task',
    file: 'src/coordinator/task-flow.ts',
    edits: [
      {
        find: 'else if (!this.#parts.dispatcher.claims.has(token) && !isOver(held.value)) takeBack(held)',
        replace: 'else if (!this.runs.has(held.id) && !isOver(held.value)) takeBack(held)',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: 'A beat that is refused means dead: abort, and start again under a new id',
    file: 'src/coordinator/nodes/owner-life.ts',
    edits: [
      {
        find: 'if (stands === undefined) await this.#die()',
        replace: 'if (stands === undefined) this.#record = undefined',
      },
    ],
    detect: byOwnerTest,
  },
  {
    rule: 'An owner that can not prove itself aborts its handlers before its lease ends',
    file: 'src/coordinator/nodes/owner-life.ts',
    edits: [{ find: "this.hooks.release('no heartbeat was acknowledged for nearly a whole lease')", replace: '' }],
    detect: { by: 'simulation', focus: 'owners', invariant: '2 one handler' },
  },
  {
    rule: '† Claims of polling agents end at their own time, not with an owner',
    file: 'src/storage/records.ts',
    edits: [
      {
        find: 'task.holder !== undefined && task.claimEndsAt === undefined ? [task.holder, id]',
        replace: 'task.holder !== undefined ? [task.holder, id]',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Claims of polling agents are taken back by clockwork',
    file: 'src/coordinator/nodes/clockwork.ts',
    edits: [{ find: "return { after: settled(task, { type: 'lost', error }, rules) }", replace: 'return undefined' }],
    detect: bySimulation,
  },

  // Turns.
  {
    rule: '† Clearing the holder and passing the turn are one set',
    file: 'src/coordinator/change-task.ts',
    edits: [
      {
        find: 'own.has(before.value.seq) && isOver(after)',
        replace: 'own.has(before.value.seq) && isTerminal(after.state)',
      },
      {
        find: 'const needsOwn = plan.takesNumber === true || (isNumbered && (isOver(plan.after) || plan.needsTurn === true))',
        replace: 'const needsOwn = true',
      },
      {
        find: 'import { givenTurn,',
        replace: "import { isTerminal } from '../task/task-status.js'\nimport { givenTurn,",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Every set that ends a task which has the turn passes it',
    file: 'src/coordinator/change-task.ts',
    edits: [
      {
        find: 'own.has(before.value.seq) && isOver(after)',
        replace: "own.has(before.value.seq) && isOver(after) && before.value.state === 'running'",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Passing on reads the turn first, then queries for the next number',
    file: 'src/coordinator/change-task.ts',
    edits: [
      {
        find: '  const turns = await readTurns(node, before.value, plan)',
        replace: `  const { turnKey = '', seq = 0 } = before.value
  const early = turnKey === '' ? undefined : await nextInTurn(node, turnKey, seq)
  const turns = await readTurns(node, before.value, plan)`,
      },
      {
        find: 'passes ? nextInTurn(node, own.id, before.value.seq ?? 0) : undefined',
        replace: 'passes ? early : undefined',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Passing on is guarded by the version of the turn that was read',
    file: MEMORY,
    edits: [
      {
        find: 'if ((cell === undefined ? null : cell.version) !== expect) return false',
        replace: "if ((cell === undefined ? null : cell.version) !== expect && writes[i].kind !== 'turn') return false",
      },
    ],
    detect: { by: 'simulation', invariant: '4' },
  },
  {
    rule: '† Each try of a submit reads the turn first, then the idempotency record',
    file: 'src/coordinator/submit.ts',
    edits: [
      { find: '  const turn = await readTurn(node, spec, waitMs)\n', replace: '' },
      {
        find: '  const found = await readFor(node, reads, waitMs)\n',
        replace:
          '  const found = await readFor(node, reads, waitMs)\n  const turn = await readTurn(node, spec, waitMs)\n',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† If the idempotency record exists, its task is the answer, whatever the policy',
    file: 'src/coordinator/submit.ts',
    edits: [
      {
        find: '    if (known.existing !== undefined) return found',
        replace:
          "    if (submission.whenBusy === 'reject' && known.turn?.isBusy === true) throw submission.busyError?.() ?? busy(submission.spec)\n    if (known.existing !== undefined) return found",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† A redelivered interrupt repeats its second half',
    file: 'src/coordinator/callers/task-desk.ts',
    edits: [
      {
        find: "if (submission.whenBusy === 'interrupt' && turnKey",
        replace: "if (submitted.isNew && submission.whenBusy === 'interrupt' && turnKey",
      },
    ],
    detect: bySimulation,
  },

  {
    rule: '† A message that may be joined is made ready only if the head is its number',
    file: 'src/coordinator/submit.ts',
    edits: [
      {
        find: "task.state === 'scheduled' ? { ...task, seq: turn.join().seq } : turn.admit(task)",
        replace: 'task.merge === true ? { ...task, seq: turn.join().seq } : turn.admit(task)',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† Promoting a message that was collecting others expects its turn',
    file: 'src/coordinator/change-task.ts',
    edits: [{ find: '    else turn.expect(set)', replace: '    else void 0' }],
    detect: byMessages,
  },
  {
    rule: '† Passing on may choose a message that is still collecting others',
    file: 'src/coordinator/change-task.ts',
    edits: [
      {
        find: 'if (passes) own.pass(next?.value.seq)',
        replace: "if (passes) own.pass(next?.value.state === 'waiting' ? next.value.seq : undefined)",
      },
    ],
    detect: byMessages,
  },
  {
    rule: '† Passing the turn to a message that is still collecting others expects its version',
    file: 'src/coordinator/change-task.ts',
    edits: [{ find: "  set.expect('task', next.id, next)\n", replace: '' }],
    detect: byMessages,
  },
  {
    rule: '† Every message writes its session record',
    file: 'src/conversation/store-message.ts',
    edits: [
      {
        find: "set.put('session', sessionId, was, withMessage(session, message, taskId, now))",
        replace:
          "if (was === undefined) set.put('session', sessionId, was, withMessage(session, message, taskId, now))",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '† A session is found through the one record of its participant',
    file: 'src/conversation/store-message.ts',
    edits: [
      {
        find: 'if (place.isNew ? participant?.version !== place.participant?.version : was === undefined) throw new Moved()',
        replace: 'if (!place.isNew && was === undefined) throw new Moved()',
      },
    ],
    detect: bySimulation,
  },
  {
    rule: 'A redelivered message gets the answer of the first',
    file: 'src/conversation/store-message.ts',
    edits: [{ find: "if (message.isRepeatable) reads.push({ kind: 'message', id: recordId })", replace: '' }],
    detect: bySimulation,
  },
  {
    rule: 'A message joins only a task that was never attempted',
    file: 'src/conversation/messages.ts',
    edits: [{ find: 'task.answers === true && task.attempts.length === 0 &&', replace: 'task.answers === true &&' }],
    detect: bySimulation,
  },
  {
    rule: 'What a handler staged for its session is committed with its result',
    file: 'src/coordinator/settle.ts',
    edits: [{ find: 'contributions: this.left.contributions }', replace: 'contributions: undefined }' }],
    detect: bySimulation,
  },
  {
    rule: 'An owner that was declared dead begins anew, however long the storage is away',
    file: 'src/coordinator/nodes/owner-life.ts',
    edits: [{ find: 'if (was === undefined) return this.#begin()', replace: 'if (was === undefined) return' }],
    detect: byOwnerTest,
  },

  // Slots and limits.
  {
    rule: '† A permit is deleted in the set that clears the owner of its attempt',
    file: 'src/coordinator/change-task.ts',
    edits: [
      { find: "if (token !== undefined) set.remove('permit', before.value.permitId, token)", replace: 'void token' },
    ],
    detect: bySimulation,
  },
  {
    rule: '† A permit is taken in the set of the claim',
    file: 'src/coordinator/claim.ts',
    edits: [
      {
        find: "if (permitId !== undefined) set.put('permit', permitId, undefined, { taskId: entry.id, token }, token)",
        replace: '',
      },
    ],
    detect: bySimulation,
  },

  // Invariants.
  {
    rule: '2: an attempt is settled only while its claim stands',
    file: 'src/task/task-life-cycle.ts',
    edits: [
      {
        find: "return task.state === 'running' && currentAttempt(task)?.token === token",
        replace: "return task.state === 'running' && token !== ''",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: '3: a slot is taken when a claim is sent',
    file: 'src/coordinator/dispatcher.ts',
    edits: [{ find: 'instance.load.assign(', replace: 'void (' }],
    detect: bySimulation,
  },
  {
    rule: '5: the lowest rank goes first',
    file: 'src/engine/in-process/lane-head.ts',
    edits: [
      {
        find: 'export const ranksBefore = (a: TaskRef, b: TaskRef) => a.rank < b.rank || (a.rank === b.rank && a.id < b.id)',
        replace:
          'export const ranksBefore = (a: TaskRef, b: TaskRef) => a.rank > b.rank || (a.rank === b.rank && a.id > b.id)',
      },
    ],
    detect: { by: 'simulation', invariant: '5' },
  },
  {
    rule: '5: tenants are served in turn',
    file: 'src/engine/in-process/tenant-turns.ts',
    edits: [{ find: 'turn.at = this.#now + turn.step', replace: 'turn.at = this.#now - turn.step' }],
    detect: { by: 'simulation', invariant: '5', seeds: 1_500 },
  },
  {
    rule: '6: a cancelled task that still runs here is aborted',
    file: 'src/coordinator/task-flow.ts',
    edits: [
      {
        find: 'if (isTerminal(held.value.state) && run?.token === token) {',
        replace: "if (isTerminal(held.value.state) && run?.token === '') {",
      },
    ],
    detect: bySimulation,
  },
  {
    rule: 'A block of a rate over all nodes counts until perMs after its end',
    file: 'src/coordinator/limits/shared-rate.ts',
    edits: [{ find: 'until + perMs > now)', replace: 'until > now)' }],
    detect: bySimulation,
  },
  {
    rule: '7: a reason names the task that is ahead',
    file: 'src/coordinator/views/explain.ts',
    edits: [{ find: 'after: [turnKey, head - 1]', replace: 'after: [turnKey, task.seq ?? 0]' }],
    detect: bySimulation,
  },
  {
    rule: '8: a shutdown takes its timers back',
    file: 'src/coordinator/nodes/recovery.ts',
    edits: [{ find: '    this.#sweepTimer?.cancel()', replace: '' }],
    detect: bySimulation,
  },
  {
    rule: '9: randomness comes from the seed',
    file: 'src/coordinator/settle.ts',
    edits: [{ find: 'this.#draw = node.random.next()', replace: 'this.#draw = Math.random()' }],
    detect: { by: 'simulation', invariant: '9' },
  },
  {
    rule: '10: a listener that throws harms nobody',
    file: 'src/coordinator/event-hub.ts',
    edits: [{ find: '      this.#failed(event, error)\n    }\n  }', replace: '      throw error\n    }\n  }' }],
    detect: bySimulation,
  },
]
