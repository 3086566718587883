import { readFile } from 'node:fs/promises'
import { phoneKey } from './domain/phone.js'
import { replaceFile } from './replace-file.js'

/**
 * Who asked not to be written to. Kept apart from conversations, which end: a customer who said BAJA a year ago still
 * means it.
 */
export interface ContactPreferences {
  isOptedOut(phone: string): Promise<boolean>
  setOptedOut(phone: string, optedOut: boolean): Promise<void>
}

/** Preferences in a text file, a number a line (its last eight digits). */
export function filePreferences(path: string): ContactPreferences {
  let last: Promise<unknown> = Promise.resolve()
  const read = async () => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    return new Set(text.split('\n').filter((line) => line !== ''))
  }
  return {
    isOptedOut: async (phone) => (await read()).has(phoneKey(phone)),
    setOptedOut(phone, optedOut) {
      // One after the other: two customers who leave at the same moment must both be remembered.
      const change = last.then(async () => {
        const numbers = await read()
        if (optedOut) numbers.add(phoneKey(phone))
        else numbers.delete(phoneKey(phone))
        await replaceFile(path, [...numbers, ''].join('\n'))
      })
      last = change.catch(() => undefined)
      return change
    },
  }
}
