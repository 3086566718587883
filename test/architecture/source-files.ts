import { readdirSync, readFileSync } from 'node:fs'
import { dirname, posix, relative, sep } from 'node:path'
import ts from 'typescript'
import { root } from '../../scripts/entry-points.js'

/** One import or re-export of a source file. */
export interface SourceImport {
  /** Path below `src/` for our own files, otherwise the bare specifier. */
  readonly target: string
  readonly own: boolean
  /** Nothing of it is left when the types are erased. */
  readonly typeOnly: boolean
  /** `import()`: loaded only when it is reached. */
  readonly dynamic: boolean
}

/** A file of `src/`, parsed. */
export interface SourceFile {
  /** Path below `src/`, with forward slashes. */
  readonly path: string
  readonly lines: number
  readonly ast: ts.SourceFile
  readonly imports: readonly SourceImport[]
}

/** Every file below `src/`, parsed. */
export function sourceFiles(): readonly SourceFile[] {
  const files = readdirSync(`${root}/src`, { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.ts'))
    .map((file) => parse(relative(`${root}/src`, `${file.parentPath}/${file.name}`).split(sep).join('/')))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function parse(path: string): SourceFile {
  const text = readFileSync(`${root}/src/${path}`, 'utf8')
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  return { path, lines: text.trimEnd().split('\n').length, ast, imports: importsOf(path, ast) }
}

/** Calls `visit` for every node of a file. */
export function walk(ast: ts.Node, visit: (node: ts.Node) => void): void {
  visit(ast)
  ts.forEachChild(ast, (child) => walk(child, visit))
}

/** `path:line` of a node, for messages. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  return `src/${file.path}:${file.ast.getLineAndCharacterOfPosition(node.getStart(file.ast)).line + 1}`
}

function importsOf(path: string, ast: ts.SourceFile): SourceImport[] {
  const found: SourceImport[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, dynamic: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return
    const own = specifier.text.startsWith('.')
    const target = own ? posix.join(dirname(path), specifier.text).replace(/\.js$/, '.ts') : specifier.text
    found.push({ target, own, typeOnly, dynamic })
  }
  walk(ast, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause), false)
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeExport(node), false)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, false)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true)
  })
  return found
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const bindings = clause.namedBindings
  return (
    clause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((element) => element.isTypeOnly)
  )
}

function isTypeExport(node: ts.ExportDeclaration): boolean {
  if (node.isTypeOnly) return true
  const clause = node.exportClause
  return clause !== undefined && ts.isNamedExports(clause) && clause.elements.every((element) => element.isTypeOnly)
}
