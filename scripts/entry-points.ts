/**
 * The entry points of the package, read from the `exports` map of package.json. That map is the one place to add a
 * sub-path; the build, the tests' aliases and the checks follow it, and a test compares the files that can't.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One sub-path that users can import. */
export interface EntryPoint {
  /** What users write: `batuta`, `batuta/testing`. */
  readonly specifier: string
  /** The source file, relative to the root. */
  readonly source: string
  /** The built file, relative to the root. */
  readonly dist: string
  /** The built declarations, relative to the root. */
  readonly types: string
}

/** The root of the repository, without a slash at the end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

/** Every entry point that is code, in the order of package.json. */
export function entryPoints(): readonly EntryPoint[] {
  const manifest: Manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
  return Object.entries(manifest.exports).flatMap(([subPath, target]) => {
    if (typeof target === 'string') return []
    const dist = target.default.replace(/^\.\//, '')
    return {
      specifier: manifest.name + subPath.slice(1),
      source: dist.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts'),
      dist,
      types: target.types.replace(/^\.\//, ''),
    }
  })
}
