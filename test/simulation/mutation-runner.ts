import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Focus } from '../../src/testing/simulation/workload.js'

/** Removes or breaks one rule in the source text. */
export interface Mutation {
  /** The rule of the architecture page that it breaks, in its words. */
  readonly rule: string
  /** Below the project's root. */
  readonly file: string
  readonly edits: readonly Edit[]
  readonly detect: Detection
}

/** One replacement of text. */
export interface Edit {
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** What has to notice the mutation. */
export type Detection =
  /** The simulation, with one of the seeds from `from` on, at most `seeds` of them. */
  | {
      readonly by: 'simulation'
      readonly from?: number
      readonly seeds?: number
      readonly invariant?: string
      readonly focus?: Focus
    }
  /** A test file, below `test`. */
  | { readonly by: 'test'; readonly file: string }

/** `caught`: something failed, as it should. `survived`: nothing did. `stale`: the text to replace is gone. */
export interface MutationResult {
  readonly mutation: Mutation
  readonly outcome: 'caught' | 'survived' | 'stale'
  /** How it showed, or what is wrong with the mutation. */
  readonly detail: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = [
  'src',
  'scripts',
  'test/simulation',
  'test/coordinator',
  'test/support',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
]
const DEFAULT_SEEDS = 400
const LIMIT_MS = 900_000

/** Why a mutation can't be applied: the text to replace must be there, once. */
export async function staleness(mutation: Mutation): Promise<string | undefined> {
  const text = await readFile(join(ROOT, mutation.file), 'utf8')
  for (const { find } of mutation.edits) {
    const count = text.split(find).length - 1
    if (count !== 1) return `"${find}" occurs ${count} times in ${mutation.file}`
  }
  return undefined
}

/** Applies a mutation to a copy of the sources, never to the sources, and lets the simulation look for it. */
export async function runMutation(mutation: Mutation): Promise<MutationResult> {
  const stale = await staleness(mutation)
  if (stale !== undefined) return { mutation, outcome: 'stale', detail: stale }
  const folder = await mkdtemp(join(tmpdir(), 'batuta-mutation-'))
  try {
    await copyProject(folder)
    const path = join(folder, mutation.file)
    let text = await readFile(path, 'utf8')
    for (const { find, replace } of mutation.edits) text = text.replace(find, () => replace)
    await writeFile(path, text)
    const { code, output } = await run(folder, commandFor(mutation.detect))
    if (code === 0) return { mutation, outcome: 'survived', detail: output.slice(-500) }
    // A mutant that does not even compile or load proves nothing.
    const isRealCatch = mutation.detect.by === 'test' || code === 1
    return { mutation, outcome: isRealCatch ? 'caught' : 'stale', detail: output.slice(0, 2_000) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyProject(folder: string): Promise<void> {
  for (const path of COPIED) await cp(join(ROOT, path), join(folder, path), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

function commandFor(detect: Detection): string[] {
  if (detect.by === 'test') return ['node_modules/vitest/vitest.mjs', 'run', `test/${detect.file}`]
  const seeds = String(detect.seeds ?? DEFAULT_SEEDS)
  const args = [
    '--import',
    'tsx',
    'scripts/simulate.ts',
    '--seeds',
    seeds,
    '--from',
    String(detect.from ?? 1),
    '--stop',
  ]
  if (detect.focus !== undefined) args.push('--focus', detect.focus)
  if (detect.invariant !== undefined) args.push('--invariant', detect.invariant)
  return args
}

function run(folder: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS })
    let output = ''
    const take = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 2, output }))
  })
}
