import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { root } from '../../scripts/entry-points.js'
import { adapterSource } from './stores.js'

/** The worker and the adapter of its storage, built, so that a process starts in a fraction of a second and all run the same code. */
export interface WorkerBundle {
  readonly script: string
  /** The module of the storage's adapter. */
  readonly adapter: string
  dispose(): void
}

/**
 * Bundles `worker.ts` for a storage. It lies below the repository, where it finds the packages that are not bundled.
 * @throws an error that says so when there is no such storage.
 */
export async function bundleWorker(storage = 'sqlite'): Promise<WorkerBundle> {
  const source = adapterSource(storage)
  const directory = join(root, 'node_modules', '.cache', `batuta-chaos-${process.pid}-${Date.now()}`)
  mkdirSync(directory, { recursive: true })
  await build({
    entryPoints: { worker: fileURLToPath(new URL('./worker.ts', import.meta.url)), adapter: source },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What both use is there once.
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  const [script, adapter] = [join(directory, 'worker.mjs'), join(directory, 'adapter.mjs')]
  return { script, adapter, dispose: () => rmSync(directory, { recursive: true, force: true }) }
}
