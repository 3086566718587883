import { normalisePhone } from './phone.js'
import { readMeasures } from './read-measures.js'
import { type ExpectedName, type PersonName, readName } from './read-name.js'
import { readOptions } from './read-options.js'
import { readProduct } from './read-product.js'
import { Scanner } from './scanner.js'
import type { Specification } from './specification.js'
import { fold } from './text.js'

/** Who gets the quote, as far as it is known. */
export interface Customer extends PersonName {
  /** E.164. */
  readonly phone?: string
}

/** What one message says. What it doesn't say is absent, so that slots of several messages can be laid over each other. */
export interface Slots {
  readonly spec: Partial<Specification>
  readonly customer: Customer
  /** Every product that is named, in the order of the catalogue; `spec.product` is set when it is exactly one. */
  readonly products: readonly string[]
}

/** What the customer was just asked for: how to take an answer that names no field. */
export interface Expectation {
  readonly name: ExpectedName
  readonly thickness: boolean
}

const NOTHING: Expectation = { name: 'none', thickness: false }
/** Eight digits or more, in groups. */
const PHONE = /(?:\+|\b00)?\(?\b\d(?:[\s.()-]{0,2}\d){7,14}\b/

/** Reads everything that a message says about the customer and what he wants. */
export function readSlots(text: string, expected: Expectation = NOTHING): Slots {
  const scanner = new Scanner(fold(text))
  const phone = readPhone(scanner)
  const { products, filling } = readProduct(scanner)
  const [only] = products
  const options = readOptions(scanner)
  const measures = readMeasures(scanner, expected.thickness)
  return {
    spec: {
      ...(products.length === 1 && only !== undefined ? { product: only } : {}),
      ...(filling === undefined ? {} : { filling }),
      ...options,
      ...measures,
    },
    customer: { ...readName(text, expected.name), ...(phone === undefined ? {} : { phone }) },
    products,
  }
}

function readPhone(scanner: Scanner): string | undefined {
  const written = PHONE.exec(scanner.rest)?.[0]
  const phone = written === undefined ? undefined : normalisePhone(written)
  if (phone !== undefined) scanner.take(PHONE)
  return phone
}

/** Whether a message describes a product or its size, and not only the customer. */
export function describesProduct({ spec }: Slots): boolean {
  return Object.keys(spec).some((field) => field !== 'zone')
}
