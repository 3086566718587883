import type { WriteSet } from '../../storage/storage.js'

/** What a write weighs besides its value: its keys, versions, indexed fields. */
const WRITE_BYTES = 128

/** About how many bytes a set takes as it is sent: what bounds a commit. */
export function sizeOfSet({ writes }: WriteSet): number {
  return writes.reduce((bytes, { leave }) => bytes + WRITE_BYTES + (leave ? sizeOf(leave.value) : 0), 0)
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 2
  if (Array.isArray(value)) for (const item of value) bytes += sizeOf(item) + 1
  else for (const [key, member] of Object.entries(value)) bytes += key.length + 4 + sizeOf(member)
  return bytes
}
