import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { root } from '../../scripts/entry-points.js'

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(`${root}/${path}`, 'utf8'), ts.ScriptTarget.ES2022, true)
}

/** What an entry point exports, one name a line, types marked as such. Entry points only list names (a test holds that). */
export function exportedNames(path: string): string {
  const names = parse(path)
    .statements.filter(ts.isExportDeclaration)
    .flatMap((node) => {
      const clause = node.exportClause
      if (clause === undefined || !ts.isNamedExports(clause)) return []
      return clause.elements.map(({ name, isTypeOnly }) =>
        node.isTypeOnly || isTypeOnly ? `type ${name.text}` : name.text,
      )
    })
  return `${names.sort().join('\n')}\n`
}

/** The names of every event (`thing:happened`) that a file declares as a member or as the `type` of a payload. */
export function eventNames(path: string): string {
  const names = new Set<string>()
  const visit = (node: ts.Node) => {
    if (ts.isStringLiteral(node) && /^[a-z]+:[a-z-]+$/.test(node.text)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(parse(path))
  return `${[...names].sort().join('\n')}\n`
}
