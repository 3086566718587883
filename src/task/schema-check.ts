import { BatutaError } from '../errors/base-error.js'
import type { SchemaIssue } from '../errors/codes.js'
import type { AnyTaskDefinition } from './definition.js'
import { issueText } from './issue-text.js'
import type { StandardIssue, StandardSchema } from './standard-schema.js'

/** A schema's verdict: the parsed value, or what it had to say against it. */
type Verdict =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[]; readonly value?: undefined }

/**
 * What a handler gets for a stored or submitted input. Without a schema, the value itself.
 * @param index - its place in a `submitMany`.
 * @throws INPUT_INVALID, SCHEMA_BROKEN.
 */
export function checkInput(definition: AnyTaskDefinition, value: unknown, index?: number): unknown {
  const verdict = ask(definition.type, 'input', definition.options.input, value)
  if (verdict.issues === undefined) return verdict.value
  const { issues } = verdict
  const which = index === undefined ? 'The input' : `Input ${index}`
  throw new BatutaError(
    'INPUT_INVALID',
    `${which} of "${definition.type}" does not fit its schema: ${issueText(issues)}`,
    {
      data: { taskType: definition.type, issues, ...(index === undefined ? {} : { index }) },
      fix: 'Send what the input schema asks for.',
    },
  )
}

/**
 * What `result()` gives for a stored or returned output. Without a schema, the value itself.
 * @throws OUTPUT_INVALID, SCHEMA_BROKEN.
 */
export function checkOutput(definition: AnyTaskDefinition, value: unknown): unknown {
  return checkReturned(definition, 'output', value)
}

/**
 * What `task.stream()` gives for a part that was written. Without a schema, the value itself.
 * @throws OUTPUT_INVALID, SCHEMA_BROKEN.
 */
export function checkPart(definition: AnyTaskDefinition, value: unknown): unknown {
  return checkReturned(definition, 'stream', value)
}

function checkReturned(definition: AnyTaskDefinition, which: 'output' | 'stream', value: unknown): unknown {
  const verdict = ask(definition.type, which, definition.options[which], value)
  if (verdict.issues === undefined) return verdict.value
  const { issues } = verdict
  const said = which === 'output' ? 'What the handler returned' : 'What the handler wrote'
  throw new BatutaError(
    'OUTPUT_INVALID',
    `${said} for "${definition.type}" does not fit its ${which} schema: ${issueText(issues)}`,
    {
      data: { taskType: definition.type, issues },
      fix: `Return what the schema asks for, or correct the schema.`,
    },
  )
}

const NO_VERDICT = 'answers with neither a value nor issues'

function ask(taskType: string, which: string, schema: StandardSchema | undefined, value: unknown): Verdict {
  if (schema === undefined) return { value }
  let answer: ReturnType<StandardSchema['~standard']['validate']>
  try {
    answer = schema['~standard'].validate(value)
    if (isPromise(answer)) {
      // Nobody will wait for it; a rejection must not end the process.
      answer.then(undefined, () => undefined)
      // zod also answers so when a synchronous check throws: it then tries again asynchronously.
      const fix = 'Use a schema that checks synchronously, and whose refinements and transforms never throw.'
      throw broken(taskType, which, 'answers with a promise', fix)
    }
    if (typeof answer !== 'object' || answer === null)
      throw broken(taskType, which, NO_VERDICT, 'Use a Standard Schema.')
    if (answer.issues !== undefined) return { issues: Array.from(answer.issues, plainIssue) }
    if ('value' in answer) return { value: answer.value }
    throw broken(taskType, which, NO_VERDICT, 'Use a Standard Schema.')
  } catch (cause) {
    if (cause instanceof BatutaError) throw cause
    throw broken(
      taskType,
      which,
      'threw an error of its own',
      'Correct the schema: refinements and transforms must not throw.',
      cause,
    )
  }
}

function broken(
  taskType: string,
  which: string,
  did: string,
  fix: string,
  cause?: unknown,
): BatutaError<'SCHEMA_BROKEN'> {
  return new BatutaError('SCHEMA_BROKEN', `The ${which} schema of "${taskType}" ${did}.`, {
    data: { taskType },
    fix,
    cause,
  })
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function plainIssue(issue: StandardIssue): SchemaIssue {
  // Not `path.map`: some libraries have arrays of their own, and what is kept must be plain.
  const path = Array.from(issue.path ?? [], (part) => {
    const key = typeof part === 'object' ? part.key : part
    return typeof key === 'symbol' ? String(key) : key
  })
  return { message: issue.message, path }
}
