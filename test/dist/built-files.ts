import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import ts from 'typescript'
import { root } from '../../scripts/entry-points.js'

/** What a built entry point loads: bare specifiers, at import or only when an `import()` is reached. */
export interface Reach {
  readonly files: ReadonlySet<string>
  readonly atImport: ReadonlySet<string>
  readonly onDemand: ReadonlySet<string>
}

/** Follows the imports of a built file through its chunks. */
export function reachOf(entry: string): Reach {
  const files = new Set<string>()
  const atImport = new Set<string>()
  const onDemand = new Set<string>()
  const visit = (path: string, dynamic: boolean) => {
    if (files.has(path)) return
    files.add(path)
    const info = ts.preProcessFile(readFileSync(`${root}/${path}`, 'utf8'), true, true)
    const lazy = new Set(dynamicImports(path))
    for (const { fileName } of info.importedFiles) {
      const isLazy = dynamic || lazy.has(fileName)
      if (fileName.startsWith('.')) visit(posix.join(dirname(path), fileName), isLazy)
      else (isLazy ? onDemand : atImport).add(fileName)
    }
  }
  visit(entry, false)
  return { files, atImport, onDemand }
}

function dynamicImports(path: string): string[] {
  const file = ts.createSourceFile(path, readFileSync(`${root}/${path}`, 'utf8'), ts.ScriptTarget.ES2022, true)
  const found: string[] = []
  const visit = (node: ts.Node) => {
    const argument =
      ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0]
    if (argument && ts.isStringLiteral(argument)) found.push(argument.text)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The name of the package that a bare specifier belongs to, or nothing for what Node brings. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Fails with a hint when nothing has been built; these tests look at what users get. */
export function requireBuild(): void {
  if (!existsSync(`${root}/dist/index.js`))
    throw new Error('dist/ is missing: run `npm run test:dist`, which builds first.')
}

/** Runs npm and answers with what it printed. */
export function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
}

/** Runs a module in a Node process of its own. */
export function runNode(
  args: readonly string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args], { cwd, encoding: 'utf8', timeout: 60_000 })
  return { status, stdout, stderr }
}
