import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { entryPoints } from '../../scripts/entry-points.js'
import { placeOf, type SourceFile, sourceFiles, walk } from './source-files.js'

const files = sourceFiles()

/** Places where the type is really "whatever the user says", by the contract with users; each with its count. */
const ANY_ALLOWED: Readonly<Record<string, number>> = {
  // A catch-all handler takes any type's input.
  'task/context.ts': 1,
  // A claim of unknown type completes with whatever its handler made, and `is` narrows it.
  'coordinator/agents/claim-types.ts': 1,
  // The output of a task without a definition.
  'coordinator/callers/handle-types.ts': 1,
}

/** The two files that read the clock and draw numbers for all others. */
const TIME_AND_CHANCE: ReadonlySet<string> = new Set(['internal/clock.ts', 'internal/random.ts'])

function mayUseTimeAndChance(path: string): boolean {
  return TIME_AND_CHANCE.has(path) || path.startsWith('testing/')
}

function places(file: SourceFile, matches: (node: ts.Node) => boolean): string[] {
  const found: string[] = []
  walk(file.ast, (node) => {
    if (matches(node)) found.push(placeOf(file, node))
  })
  return found
}

const TIMERS: ReadonlySet<string> = new Set(['setTimeout', 'setInterval', 'setImmediate'])
const READERS: ReadonlySet<string> = new Set([
  'Date.now',
  'performance.now',
  'performance.timeOrigin',
  'process.hrtime',
  'process.uptime',
  'Math.random',
  'AbortSignal.timeout',
  'crypto.randomUUID',
  'crypto.getRandomValues',
])
const RANDOM_IMPORTS = /^random/

/** Whether a node reads a clock, sets a timer or draws a random number. */
function usesTimeOrChance(node: ts.Node): boolean {
  if (ts.isIdentifier(node) && TIMERS.has(node.text)) return !ts.isPropertySignature(node.parent)
  if (ts.isPropertyAccessExpression(node)) {
    const isFromCrypto = /^process\.getBuiltinModule\(.*crypto.*\)$/.test(node.expression.getText())
    if (isFromCrypto && RANDOM_IMPORTS.test(node.name.text)) return true
    return READERS.has(node.getText().replace(/^globalThis\./, ''))
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') return (node.arguments?.length ?? 0) === 0
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false
  const from = node.moduleSpecifier.text
  if (/^(node:)?(timers(\/promises)?|perf_hooks)$/.test(from)) return true
  const bindings = node.importClause?.namedBindings
  const names = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map((e) => e.name.text) : []
  return /^(node:)?crypto$/.test(from) && names.some((name) => RANDOM_IMPORTS.test(name))
}

describe('rules of src', () => {
  it('files stay small: 400 lines, and 300 on the path of a task', () => {
    const limitOf = (path: string) => (path.startsWith('coordinator/') ? 300 : 400)
    const tooLong = files.filter((file) => file.lines > limitOf(file.path))
    expect(tooLong.map((file) => `${file.path}: ${file.lines} lines, limit ${limitOf(file.path)}`)).toEqual([])
  })

  it('time and chance come only through internal/clock and internal/random', () => {
    const found = files
      .filter(({ path }) => !mayUseTimeAndChance(path))
      .flatMap((file) => places(file, usesTimeOrChance))
    expect(found).toEqual([])
  })

  it('has no `any` but where the contract with users says so', () => {
    const found = files.flatMap((file) => {
      const any = places(file, (node) => node.kind === ts.SyntaxKind.AnyKeyword)
      return any.length === (ANY_ALLOWED[file.path] ?? 0) ? [] : any
    })
    expect(found).toEqual([])
  })

  it('has no `as unknown as`, no non-null `!` and no silenced type error', () => {
    const found = files.flatMap((file) => [
      ...places(file, isDoubleCast),
      ...places(file, ts.isNonNullExpression),
      ...(/@ts-(ignore|expect-error|nocheck)/.test(file.ast.text) ? [`src/${file.path}: @ts-...`] : []),
    ])
    expect(found).toEqual([])
  })

  it('has no default export and no enum', () => {
    const found = files.flatMap((file) =>
      places(file, (node) => ts.isExportAssignment(node) || ts.isEnumDeclaration(node)),
    )
    expect(found).toEqual([])
  })

  it('every export says what it is', () => {
    const found = files.flatMap((file) => {
      const documented = new Set<string>()
      return file.ast.statements.flatMap((node) => {
        const names = exportedNamesOf(node)
        // Of overloads, and of a type and a value of one name, the first one speaks for all.
        if (ts.getJSDocCommentsAndTags(node).length > 0) for (const name of names) documented.add(name)
        return names.every((name) => documented.has(name)) ? [] : placeOf(file, node)
      })
    })
    expect(found).toEqual([])
  })

  it('entry points only list names', () => {
    const sources = entryPoints().map(({ source }) => source)
    const entries = files.filter((file) => sources.includes(`src/${file.path}`))
    const logic = entries.flatMap((file) =>
      file.ast.statements.filter((node) => !ts.isExportDeclaration(node)).map((node) => placeOf(file, node)),
    )
    const stars = entries.flatMap((file) =>
      places(file, (node) => ts.isExportDeclaration(node) && node.exportClause === undefined),
    )
    expect({ logic, stars }).toEqual({ logic: [], stars: [] })
  })
})

describe('the rule about time and chance', () => {
  const usesIn = (text: string) => {
    let count = 0
    walk(ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022, true), (node) => {
      if (usesTimeOrChance(node)) count++
    })
    return count
  }

  it.each([
    'Date.now()',
    'new Date()',
    'performance.now()',
    'globalThis.performance.now()',
    'setTimeout(f, 1)',
    'globalThis.setInterval(f, 1)',
    'Math.random()',
    'AbortSignal.timeout(5)',
    "import { randomUUID } from 'node:crypto'",
    "process.getBuiltinModule('node:crypto').randomUUID()",
    "import { setTimeout as sleep } from 'node:timers/promises'",
  ])('finds %s', (text) => {
    expect(usesIn(text)).toBeGreaterThan(0)
  })

  it.each(['new Date(5)', 'clock.now()', 'clock.setTimer(f, 1)', "import { createHash } from 'node:crypto'"])(
    'lets %s pass',
    (text) => {
      expect(usesIn(text)).toBe(0)
    },
  )
})

function isDoubleCast(node: ts.Node): boolean {
  return (
    ts.isAsExpression(node) &&
    ts.isAsExpression(node.expression) &&
    node.expression.type.kind === ts.SyntaxKind.UnknownKeyword
  )
}

/** The names that a statement declares and exports; nothing for lists of names declared elsewhere. */
function exportedNamesOf(node: ts.Statement): string[] {
  if (!ts.canHaveModifiers(node)) return []
  if (!ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText())
  const { name } = node as ts.Statement & { readonly name?: ts.Node }
  return name === undefined ? [] : [name.getText()]
}
