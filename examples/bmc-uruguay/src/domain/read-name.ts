import { capitalise, fold } from './text.js'

/** Who the customer is. */
export interface PersonName {
  readonly firstName?: string
  readonly lastName?: string
}

/** Which part of a name was asked for, so that a bare answer is one. */
export type ExpectedName = 'full' | 'first' | 'last' | 'none'

const INTRODUCED = /(?:^|[\s,.;!¡])(?:me llamo|mi nombre es|(?:yo )?soy|a nombre de)\s+(.+)/iu
const WORD = /^\p{L}[\p{L}'-]*$/u
/** Belongs to the name that follows: "de León", "de los Santos". */
const PARTICLE = /^(?:de|del|la|las|los|da|di|van|von)$/i
const MAX_LETTERS = 100

/** What people write in a chat that is no name. Folded. */
const NOT_A_NAME = new Set(
  (
    'a al algo arquitecto arquitecta ahi ahora aislamiento aislante anclaje anclajes ancho aca asi bien bueno buenas ' +
    'buenos busco casa caro chau cliente color como con constructor costo cotizacion cotizame cotizar cual cuando ' +
    'cuanto cuesta dale de descuento despues dia dias direccion donde el ella empresa en entonces entrega es ese eso ' +
    'espesor esta este esto flete galpon garantia gotero gracias gris blanco hay hello hi hola hormigon informacion ' +
    'instalacion largo lo listo llamo los mas me mejor metro metros mi mil milimetros mm montevideo muchas muy nada ' +
    'necesito ni no nombre nuevo nueva o ok okey otra otro para paneles panel pared pasame perfecto pero poco podes ' +
    'por porque precio presupuesto producto productos que quien quiero quisiera sale se segun si sin sobre solo soy ' +
    'su sus tambien tarde tardes techo techos telefono tengo tiene tienen todo traslado tu un una uno vale ver vos y ' +
    'ya yo isodec poliestireno lana roca interior canelones maldonado interesado interesada seguro segura dudas duda'
  ).split(' '),
)

/** Finds a name in a text as written. Without an introduction ("me llamo …") only when one was asked for. */
export function readName(text: string, expected: ExpectedName): PersonName {
  const introduced = INTRODUCED.exec(text)?.[1]
  if (introduced !== undefined) {
    const words = leadingName(introduced)
    if (words.length > 0) return split(words, 'full')
  }
  if (expected === 'none') return {}
  for (const segment of text.split(/[,;:.\n|]/)) {
    const words = segment.trim().split(/\s+/)
    const isName = words.length <= 5 && leadingName(segment).length === words.length
    if (isName && (words.length > 1 || expected !== 'full')) return split(words, expected)
    // One word in answer to "your full name?" is the first of them.
    if (isName && segment.trim() === text.trim()) return split(words, 'first')
  }
  return {}
}

/** The words at the start of a text that can be a name. */
function leadingName(text: string): string[] {
  const words: string[] = []
  const written = text.trim().split(/\s+/)
  for (const [at, raw] of written.entries()) {
    const word = raw.replace(/[,.;:!?]+$/, '')
    const particle = words.length > 0 && PARTICLE.test(word) && /^\p{Lu}/u.test(surnameAfter(written, at))
    if (!WORD.test(word) || (!particle && (word.length < 2 || NOT_A_NAME.has(fold(word))))) break
    words.push(word)
    if (word !== raw || words.length === 5) break
  }
  return words
}

/** The next word that is no particle and could be a surname. */
function surnameAfter(words: readonly string[], at: number): string {
  const next = words.slice(at + 1).find((word) => !PARTICLE.test(word)) ?? ''
  return NOT_A_NAME.has(fold(next)) ? '' : next
}

/** One first name and the rest; two and two of four, since a Uruguayan has two surnames. */
function split(words: readonly string[], expected: ExpectedName): PersonName {
  const named = (part: readonly string[]) =>
    part
      .map((word) => (PARTICLE.test(word) ? word : capitalise(word)))
      .join(' ')
      .slice(0, MAX_LETTERS)
  if (expected === 'last') return { lastName: named(words) }
  if (words.length === 1 || expected === 'first') {
    return words.length === 1 ? { firstName: named(words) } : split(words, 'full')
  }
  const firsts = words.length === 4 && !words.some((word) => PARTICLE.test(word)) ? 2 : 1
  return { firstName: named(words.slice(0, firsts)), lastName: named(words.slice(firsts)) }
}
