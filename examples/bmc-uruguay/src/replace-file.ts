import { open, rename, rm } from 'node:fs/promises'

/**
 * Replaces a file's content in one step: whoever reads, and whatever crashes, sees the old text or the new one. One
 * writer at a time: callers see to it.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  try {
    const file = await open(draft, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
