import type { Catalogue } from './catalogue.js'
import { enumerate } from './text.js'

/** What to say when nothing was understood: everything that can be asked for. */
export function menuText({ products }: Catalogue): string {
  const names = enumerate(
    products.map(({ name }) => name),
    'o',
  )
  return (
    `Puedo ayudarte con: 1) cotizar ${names}, 2) información de productos, ` +
    '3) entrega, pagos e instalación, 4) contactarte con una persona. ¿Qué necesitás?'
  )
}

/** What to say to a message without text. */
export function emptyText(catalogue: Catalogue): string {
  return `No recibí ningún texto. ${menuText(catalogue)}`
}

/** One of several wordings: by the turn and not by chance, so that a conversation can be played again. */
export function wording(wordings: readonly string[], turn: number): string {
  return wordings[turn % wordings.length] ?? ''
}

/** Ways to say hello. */
export const GREETINGS = [
  '¡Hola! Soy Superchapita, de BMC Uruguay. ¿En qué te puedo ayudar?',
  '¡Buenas! Acá Superchapita, de BMC Uruguay. ¿Querés una cotización o información de algún producto?',
  '¡Hola! ¿Cómo estás? Contame qué necesitás y lo vemos.',
]

/** Ways to say goodbye. */
export const FAREWELLS = [
  '¡Gracias por escribirnos! Cualquier cosa, acá estamos. 👋',
  '¡Gracias a vos! Quedo a las órdenes. 👋',
  '¡Perfecto! Tomate tu tiempo; cuando quieras seguimos. 👋',
]
