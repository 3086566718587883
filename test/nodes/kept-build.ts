import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
const FOLDER = fileURLToPath(new URL('./kept', import.meta.url))

/** The versions of the builds that are kept, the newest first. */
export const KEPT: readonly string[] = readdirSync(FOLDER)
  .flatMap((name) => /^batuta-(.+)\.mjs\.gz$/.exec(name)?.[1] ?? [])
  .sort((a, b) => b.localeCompare(a, undefined, { numeric: true }))

function textOf(version: string): string {
  return gunzipSync(readFileSync(join(FOLDER, `batuta-${version}.mjs.gz`))).toString('utf8')
}

/** The layout number of a build. */
export function keptLayout(version: string): number {
  return Number(LAYOUT.exec(textOf(version))?.[1])
}

/** Why no build that is kept has a layout number; `undefined` when one has. Under CI that is a failure, not a reason. */
export function whyNoneOf(layout: number, isCi = process.env.CI === 'true'): string | undefined {
  if (KEPT.some((version) => keptLayout(version) === layout)) return undefined
  const reason = `no build of layout ${layout} is kept: \`npm run keep-build\` keeps one (scripts/keep-build.ts)`
  if (isCi) throw new Error(`The tests of rolling upgrades can't run: ${reason}.`)
  console.warn(`Rolling upgrades are not tested: ${reason}.`)
  return reason
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
