import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { root } from '../../scripts/entry-points.js'

/** The worker as one file, so that a process starts in a fraction of a second and all run the same code. */
export interface WorkerBundle {
  readonly script: string
  dispose(): void
}

/** Bundles `worker.ts`. It lies below the repository, where it finds the packages that are not bundled. */
export async function bundleWorker(): Promise<WorkerBundle> {
  const directory = join(root, 'node_modules', '.cache', `batuta-chaos-${process.pid}-${Date.now()}`)
  mkdirSync(directory, { recursive: true })
  const script = join(directory, 'worker.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  return { script, dispose: () => rmSync(directory, { recursive: true, force: true }) }
}
