import type { Finish } from './catalogue.js'
import type { Scanner } from './scanner.js'
import type { Specification } from './specification.js'

const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/\bblanc[oa]s?\b/, 'Blanco'],
  [/\bgris(?:es)?\b/, 'Gris'],
  [/\bpersonalizad[oa]s?\b/, 'Personalizado'],
]
/** Colours that nobody offers as such: read, so that the customer hears which there are. */
const OTHER_COLOUR = /\b(roj|verde|azul|negr|amarill|beige|marron|celeste|naranja)(?:[oa]s?|es|s)?\b/

const FINISHES: Readonly<Record<string, Finish>> = { gotero: 'Gotero', hormigon: 'Hormigón', aluminio: 'Aluminio' }
const COUNTS: Readonly<Record<string, number>> = { un: 1, una: 1, dos: 2, tres: 3, cuatro: 4 }
/** "gotero", "4 goteros", "gotero frontal", "terminación de aluminio". Concrete alone is what one anchors to. */
const FINISH =
  /\b(?:(\d|una?|dos|tres|cuatro) )?(?:(?:terminaci\w+|remates?|bordes?)(?: de| en| con)? )?(?:(gotero)s?|(?<=(?:terminaci\w+|remates?|bordes?|\d|una?|dos|tres|cuatro)(?: de| en| con)? )(hormigon|aluminio)e?s?)( frontal| superior| lateral(?:es)?)?\b/
const NO_FINISH = /\bsin (?:terminaci\w+|remates?|goteros?)\b/

const ZONES: readonly (readonly [RegExp, string])[] = [
  [/\bpunta del este\b/, 'Punta del Este'],
  [/\bmontevideo\b/, 'Montevideo'],
  [
    /\b(?:interior|artigas|canelones|cerro largo|colonia|durazno|flores|florida|lavalleja|maldonado|paysandu|rio negro|rivera|rocha|salto|san jose|soriano|tacuarembo|treinta y tres)\b/,
    'Interior',
  ],
]

/** Takes colour, finishes, services and zone out of a folded text. */
export function readOptions(scanner: Scanner): Partial<Specification> {
  return {
    ...optional('anchors', readService(scanner, 'anclajes?|fijacion(?:es)?')),
    ...optional('freight', readService(scanner, 'fletes?|traslados?|envios?')),
    ...optional('finishes', readFinishes(scanner)),
    ...optional('colour', readColour(scanner)),
    ...optional('zone', ZONES.find(([pattern]) => scanner.take(pattern))?.[1]),
  }
}

/** Whether the customer wants it: mentioned means yes, "sin …", "no necesito …", "ni …" and "… no" mean no. */
function readService(scanner: Scanner, names: string): boolean | undefined {
  const verbs = 'necesit\\w+|quier\\w+|precis\\w+|hace falta|inclu\\w+|llev\\w+|va'
  const article = '(?:(?:el|la|los|las) )?'
  const refused = new RegExp(
    `\\b(?:sin|ni|no(?: (?:${verbs}))?) ${article}(?:${names})\\b|\\b(?:${names}):? no\\b|\\b(?:${names}) no inclu\\w+`,
  )
  if (scanner.take(refused) !== undefined) return false
  return scanner.take(new RegExp(`\\b(?:${names})\\b`)) === undefined ? undefined : true
}

function readFinishes(scanner: Scanner): Finish[] | undefined {
  if (scanner.take(NO_FINISH) !== undefined) return []
  const finishes = scanner.takeAll(FINISH).flatMap(([, count, drip, other, side]) => {
    const finish = FINISHES[drip ?? other ?? '']
    return finish === undefined ? [] : Array<Finish>(sidesOf(count, side)).fill(finish)
  })
  return finishes.length === 0 ? undefined : finishes
}

/** How many sides: as counted, as named, or all four. */
function sidesOf(count: string | undefined, side: string | undefined): number {
  if (count !== undefined) return COUNTS[count] ?? Number(count)
  if (side === undefined) return 4
  return side.trim() === 'laterales' ? 2 : 1
}

function readColour(scanner: Scanner): string | undefined {
  const known = COLOURS.find(([pattern]) => scanner.take(pattern))
  return known?.[1] ?? scanner.take(OTHER_COLOUR)?.[0]
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}
