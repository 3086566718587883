import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** What a build that was kept exports, as far as tests use it. */
export type KeptBuild = Pick<typeof import('batuta'), 'createOrchestrator' | 'defineAgent' | 'defineTask'> &
  typeof import('../../src/storage/sqlite/index.js') &
  typeof import('../../src/storage/redis/index.js') &
  typeof import('../../src/storage/postgres/index.js') &
  typeof import('../../src/storage/mongodb/index.js')

const LAYOUT = /\bLAYOUT ?= ?(\d+);/

function textOf(version: string): string {
  const file = fileURLToPath(new URL(`./kept/batuta-${version}.mjs.gz`, import.meta.url))
  return gunzipSync(readFileSync(file)).toString('utf8')
}

/** The layout number of a build. */
export function keptLayout(version: string): number {
  return Number(LAYOUT.exec(textOf(version))?.[1])
}

/** Loads a build, as it is or with another layout number. */
export async function keptBuild(version: string, layout = keptLayout(version)): Promise<KeptBuild> {
  const directory = mkdtempSync(join(tmpdir(), 'batuta-kept-'))
  try {
    const file = join(directory, 'batuta.mjs')
    writeFileSync(file, textOf(version).replace(LAYOUT, `LAYOUT=${layout};`))
    return await import(/* @vite-ignore */ pathToFileURL(file).href)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
