import type { Cluster } from './cluster.js'
import { Draw } from './draw.js'
import type { SimHandle } from './sim-node.js'
import type { SimProcess, SimWorld } from './sim-process.js'
import type { MessagePlan, TaskPlan } from './workload.js'

/** When a client with an idempotency key tries again, and how often. */
const RETRY_MS = 1_500
const MAX_TRIES = 8
/** A client whose process died hears nothing; with a key it then asks another one. */
const PATIENCE_MS = 15_000

/** The callers: they submit, cancel, wait, and write down what they were told. */
export class Clients {
  readonly #world: SimWorld
  readonly #cluster: Cluster
  readonly #draw: Draw
  #waiting = 0

  constructor(world: SimWorld, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
    this.#draw = Draw.of(world.seed, 'clients')
  }

  /** Submits that are planned or have not been answered for good. */
  get waiting(): number {
    return this.#waiting
  }

  /** Plans the whole workload. */
  start(): void {
    for (const plan of this.#world.workload.tasks) {
      this.#later(plan.atMs, () => this.#submit(plan, plan.node, 1))
      for (const repeat of plan.repeats) {
        this.#later(plan.atMs + repeat.afterMs, () => this.#submit(plan, repeat.node, 1))
      }
    }
    for (const plan of this.#world.workload.messages) {
      for (const { node, afterMs } of [{ node: plan.node, afterMs: 0 }, ...plan.repeats]) {
        this.#later(plan.atMs + afterMs, () => this.#say(plan, node, 1))
      }
    }
    if (this.#world.system.features.explain) this.#askWhy()
  }

  #later(ms: number, fn: () => void): void {
    this.#waiting++
    this.#world.clock.setTimer(() => {
      this.#waiting--
      fn()
    }, ms)
  }

  #submit(plan: TaskPlan, node: number, tries: number): void {
    const process = this.#cluster.at(node)
    const again = () => {
      const mayRepeat = plan.options.idempotencyKey !== undefined && tries < MAX_TRIES
      if (mayRepeat) this.#later(RETRY_MS, () => this.#submit(plan, node + 1, tries + 1))
    }
    if (process === undefined) {
      this.#later(500, () => this.#submit(plan, node, tries))
      return
    }
    const answered = this.#untilAnswered(process, again)
    // Through the process's clock: a client lives in the process that it calls.
    process.callers.setTimer(() => {
      this.#world.log.add({ type: 'client:submit', node: process.name, ref: plan.ref })
      process.node.submit(plan).then(
        (handle) => {
          answered()
          this.#accepted(plan, process, handle)
        },
        (error: unknown) => {
          answered()
          this.#world.log.add({ type: 'client:refused', node: process.name, ref: plan.ref, code: codeOf(error) })
          if (isTransient(error)) again()
        },
      )
    }, 0)
  }

  /** A sender repeats its message until it is answered, or refused for good. */
  #say(plan: MessagePlan, node: number, tries: number): void {
    const process = this.#cluster.at(node)
    if (process === undefined) {
      this.#later(500, () => this.#say(plan, node, tries))
      return
    }
    const { log } = this.#world
    const { from, messageId } = plan
    const again = () => {
      if (tries < MAX_TRIES) this.#later(RETRY_MS, () => this.#say(plan, node + 1, tries + 1))
    }
    const answered = this.#untilAnswered(process, again)
    process.callers.setTimer(() => {
      process.node.message(plan).then(
        (answer) => {
          answered()
          log.add({ type: 'client:answered', node: process.name, from, messageId, outcome: 'completed', ...answer })
        },
        (error: unknown) => {
          answered()
          log.add({ type: 'client:answered', node: process.name, from, messageId, outcome: codeOf(error) })
          if (isTransient(error)) again()
        },
      )
    }, 0)
  }

  /** Counts a call as waiting until it is answered; a call whose process died is made again elsewhere. */
  #untilAnswered(process: SimProcess, again: () => void): () => void {
    let isAnswered = false
    this.#waiting++
    const answered = () => {
      if (!isAnswered) this.#waiting--
      isAnswered = true
    }
    const watch = () => {
      this.#world.clock.setTimer(() => {
        if (isAnswered) return
        if (process.clock.alive) return watch()
        answered()
        again()
      }, PATIENCE_MS)
    }
    watch()
    return answered
  }

  #accepted(plan: TaskPlan, process: SimProcess, handle: SimHandle): void {
    const { log } = this.#world
    const { taskId } = handle
    log.add({ type: 'client:accepted', node: process.name, ref: plan.ref, taskId })
    handle.result().then(
      (result) => log.add({ type: 'client:result', node: process.name, ref: plan.ref, taskId, ...result }),
      (error: unknown) =>
        log.add({ type: 'client:unanswered', node: process.name, ref: plan.ref, taskId, code: codeOf(error) }),
    )
    if (plan.cancelAfterMs !== undefined) this.#later(plan.cancelAfterMs, () => this.#cancel(taskId))
  }

  #cancel(taskId: string): void {
    const process = this.#cluster.at(this.#draw.int(0, 3))
    if (process === undefined) return
    const { log } = this.#world
    process.callers.setTimer(() => {
      log.add({ type: 'client:cancel', node: process.name, taskId })
      process.node.cancel(taskId, 'changed my mind').then(
        (outcome) => log.add({ type: 'client:cancelled', node: process.name, taskId, outcome }),
        (error: unknown) => log.add({ type: 'client:cancelled', node: process.name, taskId, outcome: codeOf(error) }),
      )
    }, 0)
  }

  /** Asks now and then why some pending task is pending. */
  #askWhy(): void {
    const { clock, journal, log, workload } = this.#world
    clock.setTimer(
      () => {
        const pending = [...journal.all('task')].filter((record) => isPending(record.value))
        const process = this.#cluster.at(this.#draw.int(0, 3))
        if (pending.length > 0 && process !== undefined) {
          const taskId = this.#draw.pick(pending).id
          process.callers.setTimer(() => {
            process.node.explain(taskId).then(
              (reason) => {
                if (reason !== undefined) log.add({ type: 'explained', node: process.name, taskId, reason })
              },
              () => undefined,
            )
          }, 0)
        }
        if (clock.monotonic() < workload.activeMs) this.#askWhy()
      },
      this.#draw.int(300, 1_500),
    )
  }
}

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code)
  return error instanceof Error ? error.message : String(error)
}

function isTransient(error: unknown): boolean {
  return ['STORAGE_UNAVAILABLE', 'SUBMIT_OUTCOME_UNKNOWN', 'NOT_RUNNING', 'STORAGE_CLOSED'].includes(codeOf(error))
}

function isPending(value: object): boolean {
  return 'state' in value && ['ready', 'waiting', 'scheduled'].includes(String(value.state))
}
