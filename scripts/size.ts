/**
 * What the core costs a bundle: the built root entry with all it reaches except zod (which is loaded when options are
 * checked), minified and compressed. Fails above the budget of docs/architecture.md section 8.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from './entry-points.js'

const BUDGET_BYTES = 25 * 1024

const { outputFiles, metafile } = await build({
  stdin: { contents: `export * from './dist/index.js'`, resolveDir: root },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['zod'],
  minify: true,
  write: false,
  metafile: true,
  legalComments: 'none',
})
const code = outputFiles[0]?.contents ?? new Uint8Array()
const bytes = gzipSync(code, { level: 9 }).length

const parts = Object.values(metafile.outputs)[0]?.inputs ?? {}
const byPackage = new Map<string, number>()
for (const [path, { bytesInOutput }] of Object.entries(parts)) {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'batuta'
  byPackage.set(name, (byPackage.get(name) ?? 0) + bytesInOutput)
}
const kb = (count: number) => `${(count / 1024).toFixed(1)} KB`
for (const [name, count] of [...byPackage].sort((a, b) => b[1] - a[1])) console.log(`  ${name}: ${kb(count)} minified`)
console.log(`core: ${kb(code.length)} minified, ${kb(bytes)} compressed; budget ${kb(BUDGET_BYTES)}`)
if (bytes > BUDGET_BYTES) {
  console.error(`The core is ${kb(bytes - BUDGET_BYTES)} over its budget: see what the root entry reaches above.`)
  process.exitCode = 1
}
