import type { IndexDefinition } from '../storage.js'

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

/** The columns that hold an index's key, outermost first. All are null for a record that is not in the index. */
export function columnsOf(index: IndexDefinition): readonly string[] {
  return index.fields.map((field) => `${index.name}_${field.name}`)
}

/** An identifier, quoted as standard SQL does. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Identifiers, quoted and separated by commas. */
export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(', ')
}
