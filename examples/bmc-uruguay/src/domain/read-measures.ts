import type { Scanner } from './scanner.js'

/** Lengths found in a text, in whole millimetres. May be zero or negative: judging them is not a reader's job. */
export interface Measures {
  readonly lengthMm?: number
  readonly widthMm?: number
  readonly thicknessMm?: number
}

const NUMBER = String.raw`(?<![\d.,])(-?\d+(?:[.,]\d+)?)`
const METRES = String.raw`\s*(?:metros?|mts?|m)?\s*`
const NO_THICKNESS = String.raw`(?![.,]?\d)(?!\s*(?:mm|mil[ií]m|cm))`

/** "10x5", "10 m x 5 m", "10 metros por 5 metros", "12,5 x 3". */
const PAIR = new RegExp(`${NUMBER}${METRES}(?:x|×|\\*|por)\\s*(-?\\d+(?:[.,]\\d+)?)${NO_THICKNESS}${METRES}`)
const LENGTH = sideCalled('largo|longitud')
const WIDTH = sideCalled('ancho')

const MILLIMETRES = /(?<![\d.,])(\d{1,4})\s*(?:mm|milimetros?)(?![a-z])/
const CENTIMETRES = /(?<![\d.,])(\d{1,2}(?:[.,]\d)?)\s*(?:cm|centimetros?)(?![a-z])/
const CALLED_THICKNESS = /\b(?:espesor|grosor)\s*(?:de|:|=)?\s*(\d{2,3})(?![\d.,]*\d)/
const ONLY_NUMBER = /^[^\d]*(?<![\d.,-])(\d{2,3})(?![.,]?\d)[^\d]*$/

/**
 * Takes dimensions and thickness out of a folded text.
 *
 * @param expectsThickness - the customer was just asked for the thickness, so that a bare number is one.
 */
export function readMeasures(scanner: Scanner, expectsThickness: boolean): Measures {
  const thickness = readThickness(scanner)
  const pair = scanner.take(PAIR)
  const length = pair?.[1] ?? numberIn(scanner.take(LENGTH))
  const width = pair?.[2] ?? numberIn(scanner.take(WIDTH))
  const thicknessMm = thickness ?? (expectsThickness ? toNumber(scanner.take(ONLY_NUMBER)?.[1]) : undefined)
  return {
    ...(length === undefined ? {} : { lengthMm: metresToMm(length) }),
    ...(width === undefined ? {} : { widthMm: metresToMm(width) }),
    ...(thicknessMm === undefined ? {} : { thicknessMm }),
  }
}

function readThickness(scanner: Scanner): number | undefined {
  const mm = scanner.take(MILLIMETRES) ?? scanner.take(CALLED_THICKNESS)
  if (mm !== undefined) return toNumber(mm[1])
  const cm = toNumber(scanner.take(CENTIMETRES)?.[1])
  return cm === undefined ? undefined : Math.round(cm * 10)
}

/** "largo 10", "largo: 10 m", "10 metros de largo". */
function sideCalled(names: string): RegExp {
  return new RegExp(
    `\\b(?:${names})\\s*(?:de|:|=|es)?\\s*${NUMBER}${NO_THICKNESS}${METRES}|${NUMBER}${METRES}de\\s+(?:${names})\\b`,
  )
}

function numberIn(match: RegExpExecArray | undefined): string | undefined {
  return match?.[1] ?? match?.[2]
}

function toNumber(written: string | undefined): number | undefined {
  return written === undefined ? undefined : Number(written.replace(',', '.'))
}

function metresToMm(written: string): number {
  return Math.round(Number(written.replace(',', '.')) * 1_000)
}
