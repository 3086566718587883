import type { SchemaIssue } from '../errors/codes.js'

/** `items[2].price`; a key that is no identifier stands in brackets and quotes. */
export function pathText(path: readonly (string | number)[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** How many issues a message names; the data has them all. */
const NAMED = 3

/** Issues as the end of a sentence: `areaM2: must be positive; product: required.` */
export function issueText(issues: readonly SchemaIssue[]): string {
  const named = issues.slice(0, NAMED).map(({ path, message }) => {
    const text = message.replace(/[.\s]+$/, '')
    const where = pathText(path)
    // arktype says it itself.
    return where === '' || text.startsWith(`${where} must `) ? text : `${where}: ${text}`
  })
  if (issues.length > NAMED) named.push(`and ${issues.length - NAMED} more`)
  const text = named.join('; ') || 'no reason given'
  return text.endsWith('?') ? text : `${text}.`
}
