/**
 * Arrays in PostgreSQL's binary format, which `pg` passes on when it is given a buffer: a server reads them several times
 * faster than text with quotes in it. https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c
 */

/** The types of elements that are used, by their object ids. */
const OIDS = { bool: 16, int4: 23, text: 25, float8: 701 } as const

/** Dimensions, whether there are nulls, the type; then length and first subscript of the only dimension. */
const HEADER_BYTES = 20

/** An array without elements, which `unnest` fills up with nulls. */
const EMPTY = { text: emptyOf('text'), float8: emptyOf('float8') }

function emptyOf(type: keyof typeof OIDS): Buffer {
  const buffer = Buffer.alloc(12)
  buffer.writeInt32BE(OIDS[type], 8)
  return buffer
}

function begin(type: keyof typeof OIDS, count: number, bytes: number): Buffer {
  if (count === 0) return emptyOf(type)
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bytes)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(OIDS[type], 8)
  buffer.writeInt32BE(count, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

/** A `text[]`. One of nulls alone has no elements. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = 0
  let isEmpty = true
  for (const value of values) {
    bytes += 4
    if (value === null) continue
    isEmpty = false
    bytes += Buffer.byteLength(value)
  }
  if (isEmpty) return EMPTY.text
  const buffer = begin('text', values.length, bytes)
  let at = HEADER_BYTES
  for (const value of values) {
    const written = value === null ? 0 : buffer.write(value, at + 4)
    at = buffer.writeInt32BE(value === null ? -1 : written, at) + written
  }
  return buffer
}

/** A `float8[]`. One of nulls alone has no elements. */
export function float8Array(values: readonly (number | null)[]): Buffer {
  let isEmpty = true
  let bytes = 0
  for (const value of values) {
    bytes += value === null ? 4 : 12
    if (value !== null) isEmpty = false
  }
  if (isEmpty) return EMPTY.float8
  const buffer = begin('float8', values.length, bytes)
  let at = HEADER_BYTES
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : 8, at)
    if (value !== null) at = buffer.writeDoubleBE(value, at)
  }
  return buffer
}

/** An `int[]`. */
export function intArray(values: readonly number[]): Buffer {
  const buffer = begin('int4', values.length, 8 * values.length)
  let at = HEADER_BYTES
  for (const value of values) at = buffer.writeInt32BE(value, buffer.writeInt32BE(4, at))
  return buffer
}

/** A `bool[]`. */
export function boolArray(values: readonly boolean[]): Buffer {
  const buffer = begin('bool', values.length, 5 * values.length)
  let at = HEADER_BYTES
  for (const value of values) at = buffer.writeInt8(value ? 1 : 0, buffer.writeInt32BE(1, at))
  return buffer
}
