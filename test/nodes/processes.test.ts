import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFiles } from '../storage/sqlite/temporary.js'
import type { ClaimCount } from './counting-claims.js'

const newPath = temporaryFiles()
const script = fileURLToPath(new URL('./sharer.ts', import.meta.url))
const TASKS = 300

it('four processes over one SQLite file share the work, and few claims are refused', async () => {
  const path = newPath()
  const counts = await Promise.all(
    [0, 1, 2, 3].map(async (part) => {
      const child = spawn(process.execPath, ['--import', 'tsx', script, path, String(part), String(TASKS)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      return JSON.parse(await text(child.stdout)) as ClaimCount
    }),
  )
  const refused = counts.reduce((sum, count) => sum + count.refused, 0)
  console.info(`claims: ${JSON.stringify(counts)}, refused per task: ${refused / (4 * TASKS)}`)
  expect(refused / (4 * TASKS)).toBeLessThan(0.2)
}, 120_000)
