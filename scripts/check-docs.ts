/**
 * Type-checks every TypeScript block of README.md and docs/*.md against the sources, each as a module of its own, and
 * runs those that say so (```` ```ts run ````). No code in the guides that has not been compiled.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { blocksOf, type DocBlock, docPages } from './doc-blocks.js'
import { root } from './entry-points.js'

const RUN_TIMEOUT_MS = 60_000

const blocks = docPages().flatMap((page) => blocksOf(page))
const problems = [...typeErrors(blocks), ...runErrors(blocks.filter((block) => block.run))]
for (const problem of problems) console.error(problem)
console.log(
  `docs: ${blocks.length} blocks compiled, ${blocks.filter((b) => b.run).length} run, ${problems.length} problems`,
)
if (problems.length > 0) process.exitCode = 1

/** Compiles the blocks as files that exist only in memory, in the root, so that they resolve what our own code does. */
function typeErrors(all: readonly DocBlock[]): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    `${root}/tsconfig.json`,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  )
  const options: ts.CompilerOptions = {
    ...config?.options,
    moduleDetection: ts.ModuleDetectionKind.Force,
    noUnusedLocals: false,
    noUnusedParameters: false,
  }
  const byName = new Map(all.map((block, index) => [`${root}/doc-block-${index}.ts`, block]))
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.readFile = (name) => byName.get(name)?.code ?? readFile(name)
  host.fileExists = (name) => byName.has(name) || fileExists(name)
  const program = ts.createProgram([...byName.keys()], options, host)
  return [...byName].flatMap(([name, block]) => {
    const file = program.getSourceFile(name)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map((diagnostic) => {
      const line = file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0
      return `${block.page}:${block.line + line} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`
    })
  })
}

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'))
}

/** Runs each block in a process of its own, in a folder of the repository (so that imports resolve) that goes again. */
function runErrors(all: readonly DocBlock[]): string[] {
  if (all.length === 0) return []
  const folder = mkdtempSync(join(root, '.docs-check-'))
  try {
    return all.flatMap((block, index) => {
      const path = join(folder, `block-${index}.ts`)
      writeFileSync(path, block.code)
      const args = ['--import', 'tsx', path]
      const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}/tsconfig.json` }
      const result = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', timeout: RUN_TIMEOUT_MS })
      if (result.status === 0) return []
      return `${block.page}:${block.line} ended with ${result.status ?? result.signal}\n${result.stdout}${result.stderr}`
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
