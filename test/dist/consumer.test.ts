/** What users get: the tarball, installed in an empty application, compiled and run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entryPoints, root } from '../../scripts/entry-points.js'
import { npm, requireBuild, runNode } from './built-files.js'

/** The hello world of the README, word for word, with its import. */
const HELLO = `import { createOrchestrator } from 'batuta'

const app = await createOrchestrator()
app.agent('quotes', { capabilities: ['quote'], handler: async (input) => input.areaM2 * 150 })
const r = await app.run({ requires: ['quote'], input: { areaM2: 50 } })
console.log(r.output, String(await r.explain()))
await app.shutdown()
`

/** Uses every entry point, and what \`lib\` a consumer may lack. */
const TYPED = `import { createOrchestrator, defineAgent, defineTask, isBatutaError, staticSchema, type TaskHandle } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import * as testing from 'batuta/testing'
import * as z from 'zod'

const double = defineTask('double', { input: z.object({ n: z.number() }), output: staticSchema<number>() })
export const agent = defineAgent('doubler', { handlers: [double.handler((input) => input.n * 2)] })
export async function main(): Promise<number> {
  await using app = await createOrchestrator({ agents: [agent], storage: sqliteStorage({ path: 'x.sqlite' }) })
  const task: TaskHandle<number> = await app.submit(double, { n: 21 })
  try {
    return await task.result()
  } catch (error) {
    if (isBatutaError(error, 'TASK_FAILED')) console.error(error.data.taskId)
    throw error
  }
}
export const kits = Object.keys(testing)
`

const OPTIONS = {
  target: 'ES2022',
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noImplicitAny: true,
  outDir: 'out',
  rootDir: 'src',
  typeRoots: [`${root}/node_modules/@types`],
  types: ['node'],
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>
}

let folder = ''
let packed: readonly string[] = []

beforeAll(() => {
  requireBuild()
  folder = mkdtempSync(join(tmpdir(), 'batuta-consumer-'))
  const [result] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  packed = (result.files as { path: string }[]).map((file) => file.path)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  npm(['install', join(folder, result.filename), '--no-audit', '--no-fund', '--prefer-offline'], folder)
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'src', 'hello.ts'), HELLO)
  writeFileSync(join(folder, 'src', 'typed.ts'), TYPED)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['src'] }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the tarball', () => {
  it('contains dist, guides, README, CHANGELOG, LICENSE and nothing else', () => {
    const expected =
      /^(dist\/.+\.(js|d\.ts|js\.map)|docs\/[a-z-]+\.md|docs\/assets\/[a-z-]+\.svg|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/
    expect(packed.filter((path) => !expected.test(path))).toEqual([])
    const needed = ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs/architecture.md', 'docs/errors.md']
    const built = entryPoints().flatMap(({ dist, types }) => [dist, types])
    expect([...needed, ...built].filter((path) => !packed.includes(path))).toEqual([])
  })

  it('holds what its pages link to', () => {
    const pages = packed.filter((path) => path.endsWith('.md'))
    const broken = pages.flatMap((page) => {
      const targets = readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!#|[a-z]+:)([^)#\s]+)/g)
      const paths = [...targets].map(([, target = '']) => posix.join(posix.dirname(page), target))
      return paths.filter((path) => !packed.includes(path)).map((path) => `${page} -> ${path}`)
    })
    expect(broken).toEqual([])
  })

  it('has declarations that start with what `await using` needs', () => {
    const types = readFileSync(join(folder, 'node_modules/batuta/dist/index.d.ts'), 'utf8')
    expect(types.split('\n')[0]).toBe('/// <reference lib="esnext.disposable" />')
  })

  it('has source maps that carry their sources', () => {
    const map = JSON.parse(readFileSync(join(folder, 'node_modules/batuta/dist/index.js.map'), 'utf8'))
    expect(map.sourcesContent?.length ?? 0).toBe(map.sources.length)
  })
})

describe('an application that installs it', () => {
  it('gets at most six other packages, and no install script', () => {
    const lock: LockFile = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
    const installed = Object.entries(lock.packages).filter(([path]) => path !== '' && path !== 'node_modules/batuta')
    expect(installed.map(([path]) => path).length, installed.map(([path]) => path).join(', ')).toBeLessThanOrEqual(6)
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript)).toEqual([])
  })

  it.each([
    ['6.0', 'typescript'],
    ['5.9', 'typescript59'],
  ])('compiles under TypeScript %s with skipLibCheck off', (version, compiler) => {
    const tsc = `${root}/node_modules/${compiler}/bin/tsc`
    expect(runNode([tsc, '--version'], folder).stdout).toContain(`Version ${version}`)
    const { status, stdout } = runNode([tsc, '-p', 'tsconfig.json'], folder)
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })

  it('runs hello world and ends by itself', () => {
    const { status, stdout, stderr } = runNode(['out/hello.js'], folder)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^7500 /)
    expect(stdout).toContain('quotes')
  })

  it('can be required from CommonJS', () => {
    writeFileSync(join(folder, 'main.cjs'), `console.log(typeof require('batuta').createOrchestrator)`)
    const { stdout } = runNode(['--no-warnings', 'main.cjs'], folder)
    expect(stdout).toBe('function\n')
  })
})
