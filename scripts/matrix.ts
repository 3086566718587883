/**
 * Runs the suite on every supported version of Node: `npm run test:matrix`, or `npm run test:matrix -- 22 24 test/storage`.
 *
 * The runtimes are fetched on demand from npm (package `node-<platform>-<arch>`) into a folder of the system's temporary
 * directory and kept there, so that they burden no `npm ci`. better-sqlite3, compiled for one version, does not load in
 * the others; there the SQLite storage uses `node:sqlite`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root } from './entry-points.js'

/** The versions, pinned so that a run can be repeated; 20 is whatever runs this script, if it is a 20. */
const PINNED: Readonly<Record<string, string>> = { '20': '20.20.2', '22': '22.23.3', '24': '24.21.0', '26': '26.10.0' }
const VERSIONS = Object.keys(PINNED)
const args = process.argv.slice(2)
const chosen = args.filter((arg) => VERSIONS.includes(arg))
const rest = args.filter((arg) => !VERSIONS.includes(arg))

/** The path of a Node binary of this major version, fetched if need be. */
function nodeOf(major: string): string {
  if (process.versions.node.split('.')[0] === major) return process.execPath
  const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = join(tmpdir(), 'batuta-node-versions', PINNED[major] ?? major)
  const binary = join(folder, 'node_modules', packageName, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    const options = ['--prefix', folder, '--no-audit', '--no-fund', '--no-save', '--loglevel=error']
    execFileSync('npm', ['install', ...options, `${packageName}@${PINNED[major] ?? major}`], {
      stdio: 'inherit',
      cwd: folder,
      shell: process.platform === 'win32',
    })
  }
  return binary
}

/** Runs the suite once; whether it passed. */
function run(major: string): boolean {
  const node = nodeOf(major)
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  console.log(`\n== Node ${version}`)
  const { status } = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...rest], {
    cwd: root,
    stdio: 'inherit',
    // Tests that start processes of their own find the same version.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
  })
  return status === 0
}

const results = (chosen.length > 0 ? chosen : VERSIONS).map((major) => ({ major, passed: run(major) }))
console.log('')
for (const { major, passed } of results) console.log(`Node ${major}: ${passed ? 'passed' : 'FAILED'}`)
if (results.some(({ passed }) => !passed)) process.exitCode = 1
