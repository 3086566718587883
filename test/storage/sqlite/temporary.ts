import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** Makes paths in a directory of its own, which is removed after the tests of the file. */
export function temporaryFiles(): () => string {
  const directory = mkdtempSync(join(tmpdir(), 'batuta-sqlite-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  let count = 0
  return () => join(directory, `${++count}.db`)
}
