import type { ErrorCode } from '../src/errors/codes.js'

/** What to do about each error: the second half of docs/errors.md, whose first half are the comments in codes.ts. */
export const ERROR_CURES: Readonly<Record<ErrorCode, string>> = {
  OPTIONS_INVALID:
    'Look at `data.issues`: each names the option and what was expected. Unknown options are errors too, since they are mostly typing mistakes.',
  DEFINITION_INVALID: 'Give the definition, agent or message what the text of the error asks for.',
  DUPLICATE_ID: 'Give one of the two another name. To replace an agent, remove the old one first.',
  STRATEGY_UNKNOWN:
    'Use a name from the list in the message (`data.didYouMean` has the nearest), or pass a strategy object.',
  PEER_MISSING:
    'Install the package with the command in the message. Peers are optional so that nobody downloads a driver that they do not use.',
  NOT_RUNNING: '`await app.start()` before the call (`createOrchestrator` does), and make no calls after `shutdown()`.',

  INPUT_INVALID:
    'Send an input that fits the schema; `data.issues` has the paths. In a task that was stored earlier it means that the schema changed meanwhile: keep schemas able to read what is still queued.',
  OUTPUT_INVALID: 'Return what the output schema accepts, or change the schema. The attempt counts as failed.',
  SCHEMA_BROKEN:
    'Make the schema synchronous and let it report problems as issues instead of throwing. Do what needs waiting inside the handler.',
  PAYLOAD_NOT_JSON:
    'Send only what JSON keeps unchanged: `data.path` says where something else was found. Send dates as ISO text, and let the schema make a Date of them.',
  PAYLOAD_TOO_LARGE:
    'Put large content where it belongs (a file, an object store) and send its address, or raise `maxPayloadBytes`.',
  CAPABILITY_UNKNOWN:
    'Correct the spelling (`data.didYouMean`), register the agent first, or turn `strict` off if it comes later.',
  TASK_TYPE_UNKNOWN: 'Register an agent with a handler for this type first, or turn `strict` off if it comes later.',
  IDEMPOTENCY_CONFLICT: 'Use one key for one piece of work. If the input really is another, it needs another key.',
  ORDERING_CONFLICT:
    'Order the task by a session or by an ordering key, not by both; use only `whenBusy: "enqueue"` with a delay.',
  QUEUE_FULL:
    'Submit it again after `data.retryAfterMs`, or turn callers away with that number. If it happens often, there are too few agents for the work, or `maxPending` is too low.',
  ORDERING_BUSY: 'Try again when the earlier task is done, or use `whenBusy: "enqueue"`.',
  SESSION_BUSY: 'Try again when the session has answered, or use `whenBusy: "enqueue"`, `"interrupt"` or `"merge"`.',
  LANE_LIMIT:
    'Requirements are for kinds of work, not for single customers or ids: put those into the input, the ordering key or the tenant.',
  MESSAGES_NOT_CONFIGURED:
    'Give `createOrchestrator` the option `messages: { task }`, the definition that answers messages.',

  TASK_FAILED:
    'Look at `attempts` of the error: each has its agent and its own error. When the cause is gone, `redrive` makes a new task of it.',
  TASK_CANCELLED: 'Nothing to repair: somebody called `cancel`, or a newer message interrupted this one.',
  TASK_TIMEOUT:
    'Raise `timeoutMs`, or make the work shorter. Pass `ctx.signal` on, so that a timed-out attempt stops working.',
  TASK_STALLED: 'Call `ctx.progress()` while the work goes on, or raise `stallAfterMs`.',
  TASK_LOST:
    'Find out what ended the processes that ran it (out of memory, `process.exit`, a crash in native code), then `redrive`.',
  TASK_EXPIRED: 'Give it more time, or add agents: it waited until it was no longer wanted.',
  ATTEMPT_RELEASED: 'Nothing to repair: the task goes on elsewhere, and this attempt costs no retry.',
  HANDLER_THREW: 'Throw an `Error`: it has a stack and can say whether a retry makes sense.',
  TASK_NOT_FOUND: 'Check the id and the storage. Finished tasks are removed after the retention.',
  TASK_TYPE_MISMATCH: "Ask with the definition of this task's type, or without one.",
  WAIT_TIMEOUT: 'The task goes on: wait again, or `cancel` it. Only the waiting was limited.',
  TASK_STATE: "Look at the task's status first. Only tasks that failed or were cancelled can be redriven.",

  AGENT_NOT_FOUND: 'Correct the id (`data.didYouMean`), or register the agent on this node.',
  AGENT_NOT_POLLING: 'Only agents with `accepts` claim tasks; agents with handlers are given them.',
  CLAIM_LOST:
    'Stop working on it: the result would change nothing. For slow work call `extend` in time, or give the agent a longer `leaseMs`.',

  NO_SESSION: 'Submit the task with `sessionId`, or through `processMessage`.',
  CONTEXT_CONFLICT: 'Retried by itself. Where it happens often, use `update(key, fn)` instead of `set`.',

  STRATEGY_ASYNC:
    'Decide from what `select` is given. Collect what needs waiting beforehand, for instance in `onResult`.',
  STRATEGY_BROKEN: 'Return one of `context.candidates`, or `undefined` for none; do not throw.',

  STORAGE_UNAVAILABLE: 'Try again: nothing was written. If it stays, look at the database and the way to it.',
  STORAGE_OUTCOME_UNKNOWN:
    'Handled inside: the write is repeated or read back. Seen only by those who use a storage directly.',
  SUBMIT_OUTCOME_UNKNOWN:
    'Submit again with the same `idempotencyKey`: it is then accepted once. Without a key the task may exist twice.',
  STORAGE_READONLY: 'Give the process the right to write the file and its folder (SQLite makes files beside it).',
  STORAGE_CORRUPT:
    'Restore the file from a backup, or start with a new one. Check that the path names a batuta database.',
  STORAGE_REFUSED:
    'Send something smaller or simpler: `cause` has what the server said. All other records are written as before.',
  STORAGE_NEWER: 'Update batuta in this process, or use another store. It has been used by a newer version.',
  STORAGE_OUTDATED:
    'Open the store once with migrating switched on, or let your own migration prepare it; then start the others.',
  STORAGE_UNSUITABLE:
    'Change the setting on the server, or use another server; the guide of the storage says which and why.',
  STORAGE_CLOSED:
    'Do not use a storage after `close()`, or after the `shutdown()` of the application that it was given to.',
}
