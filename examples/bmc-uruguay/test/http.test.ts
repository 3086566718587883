import { NonRetryableError } from 'batuta'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type BmcOptions, createBmc } from '../src/app.js'
import { createHttp } from '../src/http.js'
import { listen } from '../src/listen.js'
import { type RateLimit, rateLimit } from '../src/rate-limit.js'
import { jsonLogger } from '../src/redact.js'
import { memoryPreferences, memorySheet, temporaryDir } from './support/team.js'

const HELLO = { mensaje: 'Hola, quiero cotizar Isodec', telefono: '+59812345678' }

interface ServerOptions extends Partial<BmcOptions> {
  readonly limit?: RateLimit
  readonly waitMs?: number
}

/** The real server on a free port, stopped after the test. */
async function serve({ limit, waitMs, ...options }: ServerOptions = {}) {
  const bmc = await createBmc({ dataDir: await temporaryDir(), ...options })
  const log: string[] = []
  const http = createHttp(bmc, {
    now: () => new Date('2026-11-23T13:00:00Z'),
    logger: jsonLogger((line) => log.push(line)),
    limit: limit ?? rateLimit({ limit: 1_000, perMs: 60_000, now: () => performance.now() }),
    waitMs,
  })
  const server = await listen(http, 0)
  onTestFinished(async () => {
    await server.close()
    await bmc.orchestrator.shutdown({ graceMs: 100 })
  })
  const post = (body: unknown) =>
    fetch(`${server.url}/chat/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const get = (path: string) => fetch(server.url + path)
  return { bmc, log, post, get }
}

describe("the seed's calls", () => {
  it('chat, status and agents', async () => {
    const { post, get } = await serve()

    const answer = await post(HELLO)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-request-id')).toBeTruthy()
    expect(await answer.json()).toEqual({
      mensaje: expect.stringContaining('¡Con gusto te cotizo!'),
      tipo: 'pregunta',
      acciones: ['solicitar_datos'],
      confianza: 0.8,
      necesita_datos: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'],
      sesion_id: expect.stringMatching(/^[\w.:-]{1,128}$/),
      timestamp: '2026-11-23T13:00:00.000Z',
    })

    const status = await get('/api/orchestrator/status')
    expect(status.status).toBe(200)
    expect(await status.json()).toMatchObject({
      ok: true,
      state: 'running',
      name: 'bmc-uruguay',
      storage: { available: true, durable: true },
      tasks: { completed: 1, failed: 0 },
    })

    const agents = await get('/api/orchestrator/agents')
    expect(agents.status).toBe(200)
    expect(await agents.json()).toMatchObject({
      count: 5,
      agents: [
        { id: 'conversation_agent', status: 'idle', completed: 1 },
        { id: 'quote_agent', maxConcurrentTasks: 5 },
        { id: 'followup_agent' },
        { id: 'data_sync_agent' },
        { id: 'analytics_agent' },
      ],
    })
  })

  it('a conversation up to the quote, with the session it gave', async () => {
    const { post } = await serve()
    const first = (await (await post(HELLO)).json()) as { sesion_id: string }
    const body = { mensaje: 'Ana Gómez, 10x5, 100mm', telefono: '+598 12 345 678', sesionId: first.sesion_id }
    const second = (await (await post(body)).json()) as { mensaje: string; sesion_id: string; tipo: string }
    expect(second).toMatchObject({ sesion_id: first.sesion_id, tipo: 'cotizacion' })
    expect(second.mensaje).toContain('Total: $ 9.150,00')
  })

  it("another customer's session is not joined", async () => {
    const { post } = await serve()
    const first = (await (await post(HELLO)).json()) as { sesion_id: string }
    const stranger = { mensaje: 'hola', telefono: '094 000 002', sesionId: first.sesion_id }
    const second = (await (await post(stranger)).json()) as { sesion_id: string }
    expect(second.sesion_id).not.toBe(first.sesion_id)
  })

  it('a delivery that is repeated is answered once', async () => {
    const { post, bmc } = await serve()
    const body = { ...HELLO, mensajeId: 'wamid.1' }
    const [a, b] = await Promise.all([post(body), post(body)])
    expect(await a.json()).toEqual(await b.json())
    expect((await bmc.orchestrator.status()).tasks.completed).toBe(1)
  })
})

describe('health', () => {
  it('is healthy, degraded without the sheet, unhealthy without the team', async () => {
    let away = false
    const { sheet } = memorySheet(() => away)
    const { get, bmc } = await serve({ sheet })
    const healthy = await get('/health')
    expect(healthy.status).toBe(200)
    expect(await healthy.json()).toEqual({
      status: 'healthy',
      checks: { orchestrator: 'ok', storage: 'ok', agents: 'ok', sheet: 'ok' },
      timestamp: '2026-11-23T13:00:00.000Z',
      service: 'bmc-chat-api',
    })
    away = true
    const degraded = await get('/health')
    expect(degraded.status).toBe(200)
    expect(await degraded.json()).toMatchObject({ status: 'degraded', checks: { sheet: 'failing' } })
    away = false
    bmc.orchestrator.pause('quote_agent')
    expect(await (await get('/health')).json()).toMatchObject({ status: 'degraded', checks: { agents: 'failing' } })
    await bmc.orchestrator.shutdown()
    const unhealthy = await get('/health')
    expect(unhealthy.status).toBe(503)
    expect(await unhealthy.json()).toMatchObject({ status: 'unhealthy' })
  })
})

describe('what is refused', () => {
  it.each([
    ['{"mensaje":', 400],
    ['', 400],
    ['null', 422],
    ['[]', 422],
    [{ telefono: HELLO.telefono }, 422],
    [{ mensaje: HELLO.mensaje }, 422],
    [{ ...HELLO, mensaje: '   ' }, 422],
    [{ ...HELLO, mensaje: 'x'.repeat(2_001) }, 422],
    [{ ...HELLO, mensaje: 5 }, 422],
    [{ ...HELLO, telefono: 'hola' }, 422],
    [{ ...HELLO, sesionId: '../../etc' }, 422],
    [{ ...HELLO, mensaje: 'x'.repeat(70_000) }, 413],
  ])('%j', async (body, status) => {
    const { post, bmc } = await serve()
    const response = await post(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toHaveProperty('detail')
    expect((await bmc.orchestrator.listTasks()).tasks).toEqual([])
  })

  it('names the fields', async () => {
    const { post } = await serve()
    expect(await (await post({ mensaje: '', telefono: '1' })).json()).toMatchObject({
      errores: [{ campo: 'mensaje' }, { campo: 'telefono', mensaje: 'no es un número de teléfono' }],
    })
  })

  it('too many messages of one telephone: 429, and others go on', async () => {
    const { post } = await serve({ limit: rateLimit({ limit: 1, perMs: 30_000, now: () => 0 }) })
    expect((await post(HELLO)).status).toBe(200)
    const refused = await post({ ...HELLO, telefono: '12345678'.replace(/^/, '+598') })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('30')
    expect((await post({ ...HELLO, telefono: '094 000 001' })).status).toBe(200)
  })

  it('a path that does not exist: 404', async () => {
    const { get } = await serve()
    expect((await get('/conversations')).status).toBe(404)
  })

  it('a team that has stopped: 503', async () => {
    const { post, bmc } = await serve()
    await bmc.orchestrator.shutdown()
    const response = await post(HELLO)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('5')
  })

  it('an answer that takes too long: 504, and the same message id gets it later', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const preferences = { ...memoryPreferences(), isOptedOut: () => gate.then(() => false) }
    const { post } = await serve({ preferences, waitMs: 50 })
    const body = { ...HELLO, mensajeId: 'wamid.1' }
    expect((await post(body)).status).toBe(504)
    release()
    await expect.poll(async () => (await post(body)).status, { timeout: 5_000 }).toBe(200)
  })

  it('a bug: 500, without a word about what it was, and without the customer in the log', async () => {
    const preferences = {
      ...memoryPreferences(),
      isOptedOut: async () => {
        throw new NonRetryableError('the file /secret/path of +59812345678 is gone')
      },
    }
    const { post, log } = await serve({ preferences })
    const response = await post(HELLO)
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ detail: 'Error interno.' })
    expect(log.join('')).toContain('request failed')
    expect(log.join('')).not.toMatch(/12345678|quiero cotizar/)
  })
})
