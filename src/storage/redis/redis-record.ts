import type { IndexDefinition, RecordValue, StoredRecord, Write } from '../storage.js'
import { encodeMember, escapeText, unescapeText } from './redis-key.js'

/**
 * A record as one text: version, then a line `index member` for each index it is in, then its value as JSON. A line ends
 * with U+0001 and a line feed, which nothing before the value contains, and JSON has no U+0001.
 */
export const LINE_END = '\u0001\n'

/** Where things lie: every key begins with the prefix as hash tag, so that all of one application is in one slot. */
export class RedisNames {
  /** Begins every key: `{batuta}:`. */
  readonly base: string
  readonly meta: string
  /** A key that there is only while a script tries what it may do. */
  readonly probe: string
  readonly channel: string

  constructor(prefix: string) {
    this.base = `{${prefix}}:`
    this.meta = `${this.base}meta`
    this.probe = `${this.base}probe`
    this.channel = `${this.base}channel`
  }

  /** The key of a record. */
  record(kind: string, id: string): string {
    return `${this.base}${kind}:${id}`
  }

  /** The key of an index's sorted set. */
  index(name: string): string {
    return `${this.base}index:${name}`
  }
}

/** The text of a record. What an index's key function throws is thrown here. */
export function encodeRecord(
  indexes: readonly IndexDefinition[],
  id: string,
  version: string,
  value: RecordValue,
): string {
  let text = escapeText(version) + LINE_END
  for (const index of indexes) {
    const key = index.key(value, id)
    if (key !== undefined) text += `${index.name} ${encodeMember(key, id)}${LINE_END}`
  }
  return text + JSON.stringify(value)
}

/** The record in a text. */
export function decodeRecord(kind: string, id: string, text: string): StoredRecord {
  const version = text.slice(0, text.indexOf(LINE_END))
  return { kind, id, version: unescapeText(version), value: JSON.parse(text.slice(valueAt(text))) }
}

/** Index names are letters, so a line that begins with a bracket is the value. */
function valueAt(text: string): number {
  const object = text.indexOf(`${LINE_END}{`)
  return (object === -1 ? text.indexOf(`${LINE_END}[`) : object) + LINE_END.length
}

/** What a write expects, as the commit script reads it: nothing for "absent", else `=` and the version. */
export function encodeExpect({ expect }: Write): string {
  return expect === null ? '' : `=${escapeText(expect)}`
}

/** What a write leaves, as the commit script reads it: nothing to delete, `=` to leave it alone, else the record. */
export function encodeLeave(indexes: readonly IndexDefinition[], { id, leave }: Write): string {
  if (leave === undefined) return '='
  return leave === null ? '' : encodeRecord(indexes, id, leave.version, leave.value)
}
