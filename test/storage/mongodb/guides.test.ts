import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'

/** A part of a storage's guide: from this heading to the next. */
function section(storage: string, heading: string): string {
  const guide = readFileSync(new URL(`../../../docs/storage-${storage}.md`, import.meta.url), 'utf8')
  return guide.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
}

function names(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => String(name))
}

/** What a guide says that there is a place for, by the storage. */
const LISTED: Readonly<Record<string, () => string[]>> = {
  mongodb: () => names(section('mongodb', 'Collections').split('\n\n')[1] ?? '', /`batuta_(\w+)`/g),
  redis: () => {
    const keys = section('redis', 'Keys')
    return [...names(keys, /`\{batuta\}:(\w+):<id>`/g), ...names(/likewise (.*)/.exec(keys)?.[1] ?? '', /`(\w+)`/g)]
  },
  sqlite: () => names(names(section('sqlite', 'Tables'), /^\| (`batuta_.*?) +\|/gm).join(), /`batuta_(\w+)`/g),
}

describe('the list of kinds in the guide of a storage', () => {
  for (const [storage, listed] of Object.entries(LISTED)) {
    it(`has each kind of record once: ${storage}`, () => {
      const kinds = listed().filter((name) => !['meta', 'channel'].includes(name))
      expect(kinds.sort()).toEqual([...SCHEMA.kinds].sort())
    })
  }
})
