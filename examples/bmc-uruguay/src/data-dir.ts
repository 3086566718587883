import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `body` in a directory that is kept if one is named, and otherwise a temporary one, removed at the end. */
export async function withDataDir<T>(named: string | undefined, body: (dir: string) => Promise<T>): Promise<T> {
  if (named !== undefined && named !== '') return body(named)
  const dir = await mkdtemp(join(tmpdir(), 'bmc-uruguay-'))
  try {
    return await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
