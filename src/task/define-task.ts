import type { DefinitionOptions, TaskDefinition, TaskHandler, TaskOptions } from './definition.js'

/**
 * Describes a task type: the typed contract between who submits and who does the work. A value; options are checked
 * when it is registered or first used, not here.
 *
 * @example
 * ```ts
 * const priceQuote = defineTask('price_quote', {
 *   input: z.object({ product: z.string(), areaM2: z.number().positive() }),
 *   output: z.object({ total: z.number() }),
 *   requires: ['price_calculation'],
 * })
 * ```
 * @param type - its name: unique in the application and stored with each task; any text but `*`.
 */
export function defineTask<TInput, TOutput, TPart, TParsed, TReturn, TWrite>(
  type: string,
  options?: TaskOptions<TInput, TOutput, TPart, TParsed, TReturn, TWrite>,
): TaskDefinition<TInput, TOutput, TPart, TParsed, TReturn, TWrite> {
  const definition: TaskDefinition<TInput, TOutput, TPart, TParsed, TReturn, TWrite> = {
    kind: 'batuta.task',
    type,
    options: Object.freeze({ ...options }) as DefinitionOptions,
    handler: (fn) => Object.freeze({ kind: 'batuta.handler', definition, run: fn as TaskHandler['run'] }),
  }
  return Object.freeze(definition)
}
