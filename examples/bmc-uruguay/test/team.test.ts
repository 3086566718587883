import { memoryStorage } from 'batuta'
import { describe, expect, it } from 'vitest'
import { createBmc, report } from '../src/app.js'
import { chat } from '../src/chat.js'
import { CATALOGUE } from '../src/domain/catalogue.js'
import { createQuote, syncQuote } from '../src/tasks.js'
import { COMPLETE, memoryPreferences, memorySheet, PHONE, settled, temporaryDir, VirtualTeam } from './support/team.js'

const MORNING = '2026-11-23T10:00:00'

describe('the team', () => {
  it('is the five agents, as the business knows them', async () => {
    await new VirtualTeam(MORNING).run(async ({ orchestrator }) => {
      const team = orchestrator.agents().map(({ id, name, maxConcurrentTasks, capabilities }) => ({
        id,
        name,
        maxConcurrentTasks,
        capabilities: [...capabilities].sort(),
      }))
      const sorted = (text: string) => text.split(', ').sort()
      expect(team).toEqual([
        {
          id: 'conversation_agent',
          name: 'Conversation Agent',
          maxConcurrentTasks: 10,
          capabilities: sorted(
            'nlp, intent_classification, entity_extraction, context_management, multi_turn_conversation',
          ),
        },
        {
          id: 'quote_agent',
          name: 'Quote Agent',
          maxConcurrentTasks: 5,
          capabilities: sorted(
            'quote_generation, price_calculation, validation, product_knowledge, specification_parsing',
          ),
        },
        {
          id: 'followup_agent',
          name: 'Follow-up Agent',
          maxConcurrentTasks: 3,
          capabilities: sorted('follow_up, message_generation, scheduling, whatsapp_integration, n8n_integration'),
        },
        {
          id: 'data_sync_agent',
          name: 'Data Sync Agent',
          maxConcurrentTasks: 5,
          capabilities: sorted(
            'google_sheets_sync, mongodb_operations, external_api_integration, data_transformation, mercadolibre_integration',
          ),
        },
        {
          id: 'analytics_agent',
          name: 'Analytics Agent',
          maxConcurrentTasks: 3,
          capabilities: sorted('data_analysis, report_generation, performance_metrics, anomaly_detection, insights'),
        },
      ])
      expect(orchestrator.lint()).toEqual([])
    })
  })
})

describe('from a message to a quote', () => {
  it('message, quote, row, follow-up, report', async () => {
    const team = new VirtualTeam(MORNING)
    await team.run(async (bmc) => {
      const first = await chat(bmc, { text: 'Hola, quiero cotizar Isodec', phone: PHONE })
      expect(first).toMatchObject({ tipo: 'pregunta', acciones: ['solicitar_datos'] })
      const second = await chat(bmc, { text: '10m x 5m, 100mm, blanco', phone: PHONE })
      expect(second.necesita_datos).toEqual(['nombre', 'apellido'])
      const third = await chat(bmc, { text: 'Ana Gómez', phone: PHONE })
      expect(third).toMatchObject({ tipo: 'cotizacion', confianza: 0.95, sessionId: first.sessionId })
      expect(third.mensaje).toContain('Total: $ 9.150,00')
      await settled(bmc, team.clock)

      expect(team.rows).toEqual([
        {
          Arg: expect.stringMatching(/^CH23100001-[0-9A-Z]{8}$/),
          Estado: 'Pendiente',
          Fecha: '23-11',
          Cliente: 'Ana Gómez',
          'Orig.': 'CH',
          'Telefono-Contacto': '094 000 001',
          'Direccion / Zona': '',
          Consulta: 'ISODEC / 100mm / 50 m² / color blanco / relleno EPS',
        },
      ])
      expect(third.mensaje).toContain(team.rows[0]?.Arg.slice(-8))
      expect(await report(bmc)).toMatchObject({
        messages: { count: 3, sessions: 1, byIntent: { cotizacion: 3 } },
        quotes: { count: 1, netCents: 750_000, topProducts: [{ name: 'Isodec', count: 1, percent: 100 }] },
        followUps: { pending: 1, sent: 0 },
        sheet: { rows: 1, byState: { Pendiente: 1 }, conversionPercent: 0 },
        failedTasks: 0,
      })
      expect((await bmc.orchestrator.status()).tasks).toMatchObject({ pending: 1, completed: 6, failed: 0 })
    })
  })

  it('answers a message that is delivered twice once', async () => {
    const team = new VirtualTeam(MORNING)
    await team.run(async (bmc) => {
      const message = { text: COMPLETE, phone: PHONE, messageId: 'wamid.1' }
      const [a, b] = await Promise.all([chat(bmc, message), chat(bmc, message)])
      const later = await chat(bmc, message)
      expect(b).toEqual(a)
      expect(later).toEqual(a)
      await settled(bmc, team.clock)
      expect(team.rows).toHaveLength(1)
    })
  })

  it('answers messages of one customer in order, however fast they come', async () => {
    await new VirtualTeam(MORNING).run(async (bmc) => {
      const texts = ['quiero cotizar isodec', '10x5', '100mm', 'Ana Gómez']
      const replies = await Promise.all(texts.map((text) => chat(bmc, { text, phone: PHONE })))
      expect(replies.map(({ necesita_datos }) => necesita_datos.length)).toEqual([5, 3, 2, 0])
      expect(replies[3]?.mensaje).toContain('$ 9.150,00')
    })
  })

  it('keeps a hundred customers apart', async () => {
    const team = new VirtualTeam(MORNING)
    await team.run(async (bmc) => {
      const customers = Array.from({ length: 100 }, (_, n) => ({ phone: `+598940001${String(n).padStart(2, '0')}`, n }))
      await Promise.all(
        customers.map(async ({ phone, n }) => {
          const size = `${n + 1}x2 100mm`
          await chat(bmc, { text: 'quiero cotizar isodec', phone })
          await chat(bmc, { text: size, phone })
          const { mensaje } = await chat(bmc, { text: 'Ana Gómez', phone })
          expect(mensaje).toContain(`${n + 1} m × 2 m`)
        }),
      )
      await settled(bmc, team.clock)
      expect(new Set(team.rows.map(({ Arg }) => Arg)).size).toBe(100)
    })
  })

  it('gives a customer with three quotes the discount', async () => {
    const team = new VirtualTeam(MORNING)
    for (let n = 0; n < 3; n++) await team.say(COMPLETE)
    await team.run((bmc) => settled(bmc, team.clock))
    const [reply] = await team.say(COMPLETE)
    expect(reply?.mensaje).toContain('Descuento 3 %: -$ 225,00')
  })

  it('explains who made the quote', async () => {
    await new VirtualTeam(MORNING).run(async (bmc) => {
      await chat(bmc, { text: COMPLETE, phone: PHONE })
      const { tasks } = await bmc.orchestrator.listTasks({ type: createQuote.type })
      const task = await bmc.orchestrator.getTask(tasks[0]?.id ?? '')
      expect(String(await task?.explain())).toMatch(/quote_agent/)
    })
  })
})

describe('when something is away', () => {
  it('a sheet that comes back gets its row, once, and the conversation goes on meanwhile', async () => {
    let failures = 3
    const { sheet, rows } = memorySheet((operation) => operation === 'append' && failures-- > 0)
    const team = new VirtualTeam(MORNING, { sheet })
    await team.run(async (bmc) => {
      await chat(bmc, { text: COMPLETE, phone: PHONE })
      const before = team.clock.now()
      expect((await chat(bmc, { text: '¿tienen garantía?', phone: PHONE })).mensaje).toContain('10 años')
      // The row is still being tried again, with a second and more between attempts.
      expect(team.clock.now() - before).toBeLessThan(500)
      expect(rows).toHaveLength(0)
      await settled(bmc, team.clock)
      expect(rows).toHaveLength(1)
      const { tasks } = await bmc.orchestrator.listTasks({ type: syncQuote.type })
      expect(tasks.map(({ attempts }) => attempts.length)).toEqual([4])
    })
  })

  it('a row is added once although the answer to the first attempt was lost', async () => {
    const { sheet, rows } = memorySheet()
    let answers = 0
    const flaky = {
      ...sheet,
      append: async (row: Parameters<typeof sheet.append>[0]) => {
        const number = await sheet.append(row)
        if (answers++ === 0) throw new Error('connection reset')
        return number
      },
    }
    const team = new VirtualTeam(MORNING, { sheet: flaky })
    await team.run(async (bmc) => {
      await chat(bmc, { text: COMPLETE, phone: PHONE })
      await settled(bmc, team.clock)
    })
    expect(answers).toBe(2)
    expect(rows).toHaveLength(1)
  })

  it('a quote that can not be made is made at the next message', async () => {
    let away = true
    const { sheet } = memorySheet(() => away)
    await new VirtualTeam(MORNING, { sheet }).run(async (bmc) => {
      const failed = await chat(bmc, { text: COMPLETE, phone: PHONE }, 600_000)
      expect(failed).toMatchObject({ tipo: 'error', confianza: 0.5 })
      expect(failed.mensaje).not.toContain('/secret/path')
      away = false
      const again = await chat(bmc, { text: '¿y la cotización?', phone: PHONE })
      expect(again.mensaje).toContain('$ 9.150,00')
    })
  })

  it('says so when there is nothing to report', async () => {
    await new VirtualTeam(MORNING).run(async (bmc) => {
      expect(await report(bmc)).toMatchObject({
        messages: { count: 0, averageResponseMs: null },
        quotes: { count: 0, averageNetCents: null, topProducts: [] },
        sheet: { conversionPercent: null },
      })
    })
  })
})

describe('on disk', () => {
  it('goes on in another process where the first left off', async () => {
    const dataDir = await temporaryDir()
    const first = await createBmc({ dataDir })
    const { sessionId } = await chat(first, { text: 'quiero cotizar isodec 10x5', phone: PHONE })
    await first.orchestrator.shutdown()
    const second = await createBmc({ dataDir })
    const reply = await chat(second, { text: 'Soy Ana Gómez, 100mm', phone: PHONE })
    expect(reply.sessionId).toBe(sessionId)
    expect(reply.mensaje).toContain('$ 9.150,00')
    await second.orchestrator.shutdown()
  })

  it('takes another price list', async () => {
    const dear = { ...CATALOGUE, ivaPercent: 0 }
    const bmc = await createBmc({
      dataDir: await temporaryDir(),
      storage: memoryStorage(),
      preferences: memoryPreferences(),
      catalogue: dear,
    })
    expect((await chat(bmc, { text: COMPLETE, phone: PHONE })).mensaje).toContain('Total: $ 7.500,00')
    await bmc.orchestrator.shutdown()
  })
})
