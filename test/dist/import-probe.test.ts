/** Importing the package does nothing but define names. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entryPoints, root } from '../../scripts/entry-points.js'
import { packageOf, reachOf, requireBuild, runNode } from './built-files.js'

const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
const peers = Object.keys(manifest.peerDependencies)

/** Compares a process before and after it imported what its argument names. */
const PROBE = `
import { createHook } from 'node:async_hooks'
const listeners = () => Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
const globals = () => Reflect.ownKeys(globalThis).map(String).sort()
const prototypes = () => [Object, Array, Promise, Map, Set, String, Error].map((type) => Reflect.ownKeys(type.prototype).length)
const look = () => ({ listeners: listeners(), globals: globals(), prototypes: prototypes(), resources: process.getActiveResourcesInfo().sort() })
const settled = () => new Promise((resolve) => setTimeout(resolve, 20))
// Also what does not keep the process alive, such as timers with unref. Node's own file requests are none of it.
const made = []
const hook = createHook({ init: (id, type) => /Timeout|Immediate|TCP|PIPE|UDP|DNS|TLS|Worker|WATCH|SIGNAL|CHILD/i.test(type) && made.push(type) })
// These look at the terminal, or ask for entropy, when they are first imported: Node's doing, not ours.
for (const name of ['assert', 'crypto', 'fs', 'path']) await import('node:' + name)
await settled()
const before = look()
hook.enable()
const started = performance.now()
const names = Object.keys(await import(process.argv.at(-1)))
const importMs = performance.now() - started
hook.disable()
await settled()
const after = look()
process.stdout.write(JSON.stringify({ before, after, made, names, importMs }))
`

describe.each(entryPoints())('$specifier', ({ dist, specifier }) => {
  beforeAll(requireBuild)

  it('reaches no optional peer and no zod when it is imported', () => {
    const loaded = [...reachOf(dist).atImport].flatMap((name) => packageOf(name) ?? [])
    expect(loaded.filter((name) => name === 'zod' || peers.includes(name))).toEqual([])
  })

  it('leaves what only a running application needs to its start', () => {
    const atImport = [...reachOf(dist).atImport]
    expect(atImport.filter((name) => packageOf(name) === 'p-queue')).toEqual([])
    if (specifier === 'batuta') expect(atImport.filter((name) => /^(node:)?crypto$/.test(name))).toEqual([])
  })

  it('reaches only declared packages', () => {
    const { atImport, onDemand } = reachOf(dist)
    const used = [...atImport, ...onDemand].flatMap((name) => packageOf(name) ?? [])
    const declared = [...Object.keys(manifest.dependencies), ...peers]
    expect(used.filter((name) => !declared.includes(name))).toEqual([])
    if (specifier === 'batuta')
      expect([...onDemand].filter((name) => peers.includes(packageOf(name) ?? ''))).toEqual([])
  })

  it('adds no timer, socket, listener or global, and lets the process end', () => {
    const { status, stdout, stderr } = runNode(['--input-type=module', '--eval', PROBE, '--', `${root}/${dist}`], root)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { before, after, made, names } = JSON.parse(stdout)
    expect(after).toEqual(before)
    expect(made).toEqual([])
    expect(names.length).toBeGreaterThan(0)
  })
})

describe('the root entry alone', () => {
  let folder = ''
  beforeAll(() => {
    requireBuild()
    folder = mkdtempSync(join(tmpdir(), 'batuta-alone-'))
    mkdirSync(join(folder, 'node_modules', 'batuta'), { recursive: true })
    cpSync(`${root}/dist`, join(folder, 'node_modules', 'batuta', 'dist'), { recursive: true })
    cpSync(`${root}/package.json`, join(folder, 'node_modules', 'batuta', 'package.json'))
    for (const name of Object.keys(manifest.dependencies).filter((name) => name !== 'zod')) {
      symlinkSync(`${root}/node_modules/${name}`, join(folder, 'node_modules', name), 'junction')
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is imported where zod and every optional peer are missing', () => {
    writeFileSync(
      join(folder, 'main.mjs'),
      `const { defineTask } = await import('batuta'); console.log(defineTask('t', {}).type)`,
    )
    const { status, stdout, stderr } = runNode(['main.mjs'], folder)
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 't\n', stderr: '' })
  })

  it('is imported in well under the time that loading zod would cost', () => {
    // The budget is 30 ms and is measured by bench/import.bench.ts; this only catches an import gone wrong.
    const times = Array.from({ length: 5 }, () => {
      const { stdout } = runNode(['--input-type=module', '--eval', PROBE, '--', `${root}/dist/index.js`], root)
      return JSON.parse(stdout).importMs as number
    })
    expect(Math.min(...times)).toBeLessThan(200)
  })
})
