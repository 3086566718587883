import { checkWaitOptions } from '../../task/check-submit.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { cloneJson } from '../../task/json-value.js'
import { checkOutput, checkPart } from '../../task/schema-check.js'
import type { WaitOptions } from '../../task/submit-options.js'
import { type Task, taskOf } from '../../task/task.js'
import { TaskCancelledError, TaskFailedError } from '../../task/task-errors.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { Explanation } from '../views/explain-types.js'
import type { StreamPart, TaskHandle } from './handle-types.js'
import type { RawPart } from './streams.js'

/** What a handle asks of its coordinator. */
export interface HandleHooks {
  wait(taskId: string, options: WaitOptions | undefined): Promise<TaskRecord>
  read(taskId: string): Promise<TaskRecord>
  explain(taskId: string): Promise<Explanation>
  cancel(taskId: string, reason: string | undefined): Promise<boolean>
  stream(taskId: string, ended: Promise<unknown>): AsyncGenerator<RawPart, void, undefined>
}

/** Holds on to a task by its id. */
export class StoredTaskHandle implements TaskHandle<unknown, unknown> {
  constructor(
    readonly id: string,
    readonly type: string,
    private readonly definition: AnyTaskDefinition | undefined,
    private readonly hooks: HandleHooks,
  ) {}

  async result(options?: WaitOptions): Promise<unknown> {
    checkWaitOptions(options)
    return resultOf(await this.hooks.wait(this.id, options), this.definition)
  }

  async snapshot(): Promise<Task> {
    return taskOf(await this.hooks.read(this.id))
  }

  explain(): Promise<Explanation> {
    return this.hooks.explain(this.id)
  }

  async *stream(options?: WaitOptions): AsyncGenerator<StreamPart, void, undefined> {
    checkWaitOptions(options)
    const ended = this.hooks.wait(this.id, options).then((task) => resultOf(task, this.definition))
    for await (const { data, attempt } of this.hooks.stream(this.id, ended)) {
      const part = cloneJson(data)
      yield { data: this.definition === undefined ? part : checkPart(this.definition, part), attempt }
    }
  }

  cancel(reason?: string): Promise<boolean> {
    return this.hooks.cancel(this.id, reason)
  }
}

/** A task's result, parsed. @throws TaskFailedError, TaskCancelledError, OUTPUT_INVALID. */
export function resultOf(task: TaskRecord, definition: AnyTaskDefinition | undefined): unknown {
  if (task.state === 'completed') {
    const output = cloneJson(task.output)
    return definition === undefined ? output : checkOutput(definition, output)
  }
  throw task.state === 'cancelled' ? new TaskCancelledError(taskOf(task)) : new TaskFailedError(taskOf(task))
}
