import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/domain/catalogue.js'
import { converse } from '../../src/domain/dialogue.js'
import { afterQuote, type DialogueState, newDialogue, type Turn } from '../../src/domain/dialogue-state.js'
import { formatAmount } from '../../src/domain/money.js'
import { priceQuote } from '../../src/domain/price-quote.js'

const PHONE = '+59894000001'

/** Plays a conversation; a quote that is asked for is made before the next message. */
function play(...texts: string[]): Turn[] {
  return playFrom(newDialogue({ phone: PHONE }), ...texts)
}

function playFrom(start: DialogueState, ...texts: string[]): Turn[] {
  let state = start
  return texts.map((text) => {
    const turn = converse(state, text, { catalogue: CATALOGUE, optedOut: false })
    state = turn.quote === undefined ? turn.state : afterQuote(turn.state)
    return turn
  })
}

function last(turns: readonly Turn[]): Turn {
  const turn = turns.at(-1)
  if (turn === undefined) throw new Error('an empty conversation has no last turn')
  return turn
}

const netOf = ({ quote }: Turn) => quote && formatAmount(priceQuote(quote.spec, CATALOGUE).net)

describe('slot filling', () => {
  it("starts with the seed's own message", () => {
    const [turn] = play('Hola, quiero cotizar Isodec')
    expect(turn?.intent).toBe('cotizacion')
    expect(turn?.state).toMatchObject({ phase: 'recopilando_datos', spec: { product: 'isodec' } })
    expect(turn?.reply).toEqual({
      mensaje:
        '¡Con gusto te cotizo! Para poder cotizar necesito los siguientes datos: tu nombre completo, el espesor ' +
        '(50, 75, 100, 125 o 150 mm) y las dimensiones (largo x ancho en metros, por ejemplo: 10m x 5m). ' +
        '¿Podrías indicarme esa información?',
      tipo: 'pregunta',
      acciones: ['solicitar_datos'],
      confianza: 0.8,
      necesita_datos: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'],
    })
  })

  it('keeps what was said over messages that name no intent', () => {
    const turn = last(play('Hola, quiero cotizar Isodec', '10m x 5m, 100mm, blanco'))
    expect(turn.state.spec).toEqual({
      product: 'isodec',
      lengthMm: 10_000,
      widthMm: 5_000,
      thicknessMm: 100,
      colour: 'Blanco',
    })
    expect(turn.reply.necesita_datos).toEqual(['nombre', 'apellido'])
  })

  it('asks only for the name when everything else was said at once', () => {
    const [first, second] = play('Quiero cotizar Isodec 10x5 100mm blanco', 'Juan Pérez')
    expect(first?.reply.necesita_datos).toEqual(['nombre', 'apellido'])
    expect(first?.reply.mensaje).toContain('Para poder cotizar necesito tu nombre completo. ¿Cómo te llamás?')
    expect(second?.quote?.customer).toEqual({ firstName: 'Juan', lastName: 'Pérez', phone: PHONE })
    expect(second?.reply).toMatchObject({ tipo: 'cotizacion', confianza: 0.95, necesita_datos: [] })
  })

  it('asks for the telephone when the channel does not give it', () => {
    const [turn] = playFrom(newDialogue(), 'Soy Ana Gómez, quiero cotizar Isodec 10x5 100mm')
    expect(turn?.reply.necesita_datos).toEqual(['telefono'])
    expect(last(playFrom(turn?.state ?? newDialogue(), '094 000 001')).quote?.customer.phone).toBe(PHONE)
  })

  it.each([
    ['Soy Ana Gómez, cotizar isodec 10x5 150mm gris 4 goteros', '11.340,00'],
    ['Soy Ana Gómez, cotizar isodec 10x5 100mm', '7.500,00'],
    ['Soy Ana Gómez, cotizar isodec 10x5 100mm con 4 goteros', '9.000,00'],
    ['Soy Ana Gómez, cotizar isodec 8x4 100mm blanco', '4.800,00'],
    ['Soy Ana Gómez, cotizar isodec 6x3 75mm blanco', '2.430,00'],
    ['Soy Ana Gómez, cotizar isodec 12x6 100mm gris', '11.340,00'],
    ['Soy Ana Gómez, cotizar lana de roca 10x5 50mm', '5.500,00'],
    ['Soy Ana Gómez, cotizar isodec 12,5 x 3 100mm sin flete', '5.062,50'],
  ])('%s → %s', (text, net) => {
    expect(netOf(last(play(text)))).toBe(net)
  })

  it('refuses a thickness that the product does not have, and lists those it has', () => {
    const [first, second] = play('Soy Ana Gómez, cotizar isodec 10x5 80mm', '75')
    expect(first?.quote).toBeUndefined()
    expect(first?.reply.mensaje).toContain('Isodec no viene en 80 mm; podés elegir 50, 75, 100, 125 o 150 mm.')
    expect(first?.reply.necesita_datos).toEqual(['espesor'])
    expect(second?.quote?.spec.thicknessMm).toBe(75)
  })

  it('refuses a thickness that was said before the product', () => {
    const turn = last(play('Soy Ana Gómez, quiero cotizar 150mm 10x5', 'poliestireno'))
    expect(turn.reply.mensaje).toContain('podés elegir 25, 50, 75 o 100 mm')
    expect(turn.reply.necesita_datos).toEqual(['espesor'])
  })

  it('answers questions on the way and goes on', () => {
    const turns = play('quiero cotizar isodec 10x5', '¿Qué garantía tiene?', '100mm', '¿Qué es Isodec?', 'Ana Gómez')
    expect(turns[1]?.reply.mensaje).toMatch(/10 años de garantía.*necesito los siguientes datos/s)
    expect(turns[1]?.state.phase).toBe('recopilando_datos')
    expect(turns[3]?.reply.mensaje).toMatch(/núcleo de EPS.*tu nombre completo/s)
    expect(netOf(last(turns))).toBe('7.500,00')
  })

  it('quotes again, as often as asked', () => {
    const turns = play(
      'Soy Ana Gómez, cotizar isodec 10x5 100mm',
      '¿y en gris?',
      '¿y si fuera de 150mm?',
      'quiero otra cotización',
      'poliestireno 75mm 8x4',
    )
    expect(turns.map(netOf)).toEqual(['7.500,00', '7.875,00', '9.450,00', undefined, '3.840,00'])
    expect(turns[3]?.reply.necesita_datos).toEqual(['producto', 'espesor', 'largo', 'ancho'])
  })

  it('makes a quote again that could not be made', () => {
    const [turn] = play('Soy Ana Gómez, cotizar isodec 10x5 100mm')
    expect(last(playFrom(turn?.state ?? newDialogue(), '¿y la cotización?')).quote).toEqual(turn?.quote)
  })
})

describe('talk', () => {
  it.each([
    ['chico', 'general'],
    ['', 'general'],
    ['   ', 'general'],
    ['asdf qwer', 'general'],
  ])('%j gets the menu', (text, tipo) => {
    const { reply, state } = last(play(text))
    expect(reply).toMatchObject({ tipo, confianza: 0.7 })
    expect(reply.mensaje).toContain('¿Qué necesitás?')
    expect(state.phase).toBe('inicial')
  })

  it('greets in turn, without chance', () => {
    const greetings = play('hola', 'hola', 'hola').map(({ reply }) => reply.mensaje)
    expect(new Set(greetings).size).toBe(3)
    expect(play('hola')[0]?.reply).toMatchObject({ tipo: 'general', confianza: 0.9 })
  })

  it('"Gracias, lo pensaré" ends politely and is followed up', () => {
    expect(last(play('Gracias, lo pensaré'))).toMatchObject({
      intent: 'despedida',
      followUp: 'consulta',
      reply: { tipo: 'despedida', acciones: ['programar_seguimiento'] },
    })
    const quoted = last(play('Soy Ana Gómez, cotizar isodec 10x5 100mm', 'Gracias, lo pensaré'))
    expect(quoted.followUp).toBe('cotizacion')
    expect(quoted.state.phase).toBe('cotizacion_completada')
  })

  it('leaving in the middle of a quote keeps what was said', () => {
    const turns = play('quiero cotizar isodec 10x5', 'gracias, lo pensaré', 'Hola, soy Ana Gómez. 100mm')
    expect(turns[1]).toMatchObject({ intent: 'despedida', followUp: 'consulta' })
    expect(netOf(last(turns))).toBe('7.500,00')
  })

  it.each(['no me escriban más', 'BAJA', 'STOP', 'baja.'])('%j opts out, and is confirmed once', (text) => {
    const start = newDialogue({ phone: PHONE })
    const first = converse(start, text, { catalogue: CATALOGUE, optedOut: false })
    expect(first).toMatchObject({ optOut: true, reply: { acciones: ['registrar_baja'] } })
    const again = converse(first.state, text, { catalogue: CATALOGUE, optedOut: true })
    expect(again.optOut).toBeUndefined()
    expect(again.reply.acciones).toEqual([])
    const farewell = converse(again.state, 'Gracias, lo pensaré', { catalogue: CATALOGUE, optedOut: true })
    expect(farewell.followUp).toBeUndefined()
    expect(converse(farewell.state, 'ALTA', { catalogue: CATALOGUE, optedOut: true }).optOut).toBe(false)
  })

  it('never names a price that the price list does not have', () => {
    for (const text of ['precio de la chapa', 'quiero cotizar isopanel 10x5 100mm', 'cuánto sale el isowall']) {
      const turn = last(play(text))
      expect(turn.quote).toBeUndefined()
      expect(turn.reply.mensaje).toContain('Isodec, Poliestireno Expandido o Lana de Roca')
      expect(turn.reply.mensaje).not.toContain('$')
    }
  })
})

describe('an option that does not exist', () => {
  it('is asked about, and the quote goes on with the answer', () => {
    const [first, second] = play('Soy Ana Gómez, cotizar isodec 10x5 100mm color rojo', 'gris')
    expect(first?.quote).toBeUndefined()
    expect(first?.reply.mensaje).toBe(
      'Isodec no viene en color rojo; hay Blanco, Gris y Personalizado. ¿Cuál preferís?',
    )
    expect(second && netOf(second)).toBe('7.875,00')
  })
})
