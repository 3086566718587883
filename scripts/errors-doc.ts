/**
 * Writes docs/errors.md from the list of codes and their cures. A test compares the two.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { type ErrorCode, isRetryableCode } from '../src/errors/codes.js'
import { root } from './entry-points.js'
import { ERROR_CURES } from './error-cures.js'

const SOURCE = `${root}/src/errors/codes.ts`

/** Where the page stands. */
export const ERRORS_PAGE = `${root}/docs/errors.md`

interface CodeEntry {
  readonly code: ErrorCode
  readonly cause: string
  readonly data: string
  /** The heading that starts here: a line comment between the codes. */
  readonly heading: string | undefined
}

/** Every code with the sentence above it, in the order of the source. */
export function errorCodes(): readonly CodeEntry[] {
  const text = readFileSync(SOURCE, 'utf8')
  const file = ts.createSourceFile('codes.ts', text, ts.ScriptTarget.ES2022, true)
  const list = file.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'ErrorDataByCode')
  if (list === undefined || !ts.isInterfaceDeclaration(list)) throw new Error('codes.ts has no ErrorDataByCode')
  return list.members.filter(ts.isPropertySignature).map((member) => {
    const above = text.slice(member.getFullStart(), member.getStart(file))
    return {
      code: member.name.getText(file) as ErrorCode,
      cause: ts
        .getJSDocCommentsAndTags(member)
        .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
        .join(' '),
      data: member.type?.getText(file).replaceAll('readonly ', '') ?? '',
      heading: /^\s*\/\/ (.*)\.$/m.exec(above)?.[1],
    }
  })
}

/** The page as it should be. */
export function errorsPage(): string {
  const parts = [
    '# Errors',
    '',
    'Every error that batuta throws is a `BatutaError` with a stable `code` and `data` typed for that code; programs look at',
    'these two, `isBatutaError(error, code)` narrows to them, and the message is for people. _Retryable_ means that the same',
    'call may work later. A code never changes its meaning.',
    '',
    'This page is made from `src/errors/codes.ts` by `npm run docs:errors`.',
    '',
  ]
  for (const { code, cause, data, heading } of errorCodes()) {
    if (heading !== undefined) parts.push(`## ${heading}`, '')
    parts.push(`### ${code}`, '', cause, '', ERROR_CURES[code], '')
    const facts = data === 'Record<never, never>' ? [] : [`Data: \`${data}\`.`]
    if (isRetryableCode(code)) facts.push('Retryable.')
    if (facts.length > 0) parts.push(facts.join(' '), '')
  }
  return parts.join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(ERRORS_PAGE, errorsPage())
