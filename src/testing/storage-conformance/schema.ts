import type { IndexDefinition, IndexKey, StorageSchema } from '../../storage/storage.js'

/** What the kit stores. A record is in an index when it has all of its fields. */
export interface Item {
  readonly lane?: string
  readonly tenant?: string
  readonly rank?: number
  readonly at?: number
  readonly owner?: string
  readonly name?: string
  readonly seq?: number
  readonly [field: string]: unknown
}

function index(name: string, kind: string, fields: string): IndexDefinition {
  const names = fields.split(' ')
  const numbers = ['rank', 'at', 'seq']
  return {
    name,
    kind,
    fields: names.map((field) => ({ name: field, type: numbers.includes(field) ? 'number' : 'text' })),
    key(value, id) {
      const key = names.map((field) => (field === 'id' ? id : (value as Item)[field]))
      return key.includes(undefined) ? undefined : (key as IndexKey)
    },
  }
}

/** Indexes of every shape: texts then a number, a number first, texts only, no id at the end, one field. */
export const KIT_SCHEMA: StorageSchema = {
  layout: 1,
  kinds: ['item', 'note'],
  indexes: [
    index('lanes', 'item', 'lane tenant rank id'),
    index('times', 'item', 'at id'),
    index('seqs', 'item', 'lane seq'),
    index('pairs', 'item', 'owner name'),
    index('ids', 'item', 'id'),
    index('notes', 'note', 'at id'),
  ],
}
