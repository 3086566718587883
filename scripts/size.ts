/**
 * What the core costs a bundle: the root entry with all it loads at import, dependencies included, minified and compressed.
 * What is loaded later is shown and not counted: the checks of options, with zod, and p-queue, at the start. The budget is that
 * of docs/architecture.md section 8: what the core weighs, so that more is noticed. Lower it when the core shrinks.
 * `--folders` shows what each folder of src weighs.
 */
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { root } from './entry-points.js'

const BUDGET_BYTES = 87 * 1024

const { outputFiles, metafile } = await build({
  entryPoints: { index: `${root}/src/index.ts` },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['zod'],
  absWorkingDir: root,
  outdir: 'out',
  minify: true,
  write: false,
  metafile: true,
  legalComments: 'none',
  logLevel: 'error',
})

const atImport = reachedFrom('out/index.js', metafile)
const sizes = new Map(
  outputFiles.map(({ path, contents }) => [path.slice(root.length + 1).replaceAll('\\', '/'), contents]),
)
const kb = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`
const compressed = (names: readonly string[]) =>
  gzipSync(Buffer.concat(names.map((name) => sizes.get(name) ?? new Uint8Array())), { level: 9 }).length

for (const [name, bytes] of weights(atImport)) console.log(`  ${name}: ${kb(bytes)} minified`)
const later = [...sizes.keys()].filter((name) => !atImport.includes(name))
const bytes = compressed(atImport)
console.log(
  `core: ${kb(bytes)} compressed at import, ${kb(compressed(later))} loaded later; budget ${kb(BUDGET_BYTES)}`,
)
if (bytes > BUDGET_BYTES) {
  console.error(`The core is ${bytes - BUDGET_BYTES} bytes over its budget. --folders shows where it is.`)
  process.exitCode = 1
}

/** The output files that are loaded when this one is imported. */
function reachedFrom(entry: string, { outputs }: Metafile): readonly string[] {
  const found = new Set<string>()
  const visit = (name: string) => {
    if (found.has(name)) return
    found.add(name)
    for (const { path, kind, external } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && external !== true) visit(path)
    }
  }
  visit(entry)
  return [...found]
}

/** Minified bytes by package, and by folder of src if asked. */
function weights(names: readonly string[]): readonly (readonly [string, number])[] {
  const byPart = new Map<string, number>()
  for (const [path, { bytesInOutput }] of names.flatMap((name) =>
    Object.entries(metafile.outputs[name]?.inputs ?? {}),
  )) {
    const packageName = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
    const ours = process.argv.includes('--folders') ? path.split('/').slice(0, -1).join('/') : 'batuta'
    const part = packageName ?? ours
    byPart.set(part, (byPart.get(part) ?? 0) + bytesInOutput)
  }
  return [...byPart].sort((a, b) => b[1] - a[1])
}
