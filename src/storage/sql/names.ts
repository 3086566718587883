import type { IndexDefinition, IndexKey, KeyPart } from '../storage.js'

/** Where the layout number is kept. */
export const META_TABLE = 'batuta_meta'

/** The table of a kind. */
export function tableName(kind: string): string {
  return `batuta_${kind}`
}

/** The database's index for a declared one. */
export function indexName(index: IndexDefinition): string {
  return `batuta_${index.kind}_${index.name}`
}

/** The columns that hold an index's key, outermost first. Those of its own are null for a record that is not in the index. */
export function columnsOf(index: IndexDefinition): readonly string[] {
  return index.fields.map(({ name }, i) => (isOwn(index, i) ? `${index.name}_${name}` : 'id'))
}

/** The columns that only this index needs. */
export function ownColumnsOf(index: IndexDefinition): readonly string[] {
  return columnsOf(index).filter((_, i) => isOwn(index, i))
}

/** The parts of a key that belong into {@link ownColumnsOf}. */
export function ownPartsOf(index: IndexDefinition, key: IndexKey): readonly KeyPart[] {
  return key.filter((_, i) => isOwn(index, i))
}

/**
 * Whether a field has a column of its own. The field `id` is the record's id, which is the primary key already. Where it comes
 * first it has one all the same: whether the first column is null says whether a record is in the index.
 */
export function isOwn(index: IndexDefinition, field: number): boolean {
  return field === 0 || index.fields[field]?.name !== 'id'
}

/** An identifier, quoted as standard SQL does. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Identifiers, quoted and separated by commas. */
export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(', ')
}
