import type { Logger } from 'batuta'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { requestId } from 'hono/request-id'
import * as z from 'zod'
import type { Bmc } from './app.js'
import { chat } from './chat.js'
import { maskPhone, normalisePhone } from './domain/phone.js'
import { healthOf } from './health.js'
import { type HttpProblem, problemOf } from './http-errors.js'
import type { RateLimit } from './rate-limit.js'

/** How the server answers. */
export interface HttpOptions {
  readonly now: () => Date
  readonly logger: Logger
  /** Messages of one telephone. */
  readonly limit: RateLimit
  /** How long a request waits for its answer, in milliseconds. Default 15,000. */
  readonly waitMs?: number | undefined
}

const MAX_BODY_BYTES = 64 * 1024

/** What `POST /chat/process` takes. */
const chatRequest = z.object({
  mensaje: z.string().trim().min(1).max(2_000),
  telefono: z
    .string()
    .transform((written) => normalisePhone(written))
    .refine((phone) => phone !== undefined, 'no es un número de teléfono'),
  sesionId: z
    .string()
    .regex(/^[\w.:-]{1,128}$/, 'no es una sesión')
    .nullish(),
  /** The sender's id of the message, so that a delivery that is repeated is answered once. */
  mensajeId: z.string().min(1).max(128).nullish(),
})

/** The routes. Nothing here knows of agents: messages go in, answers and states come out. */
export function createHttp(bmc: Bmc, options: HttpOptions): Hono {
  const { now, logger, limit, waitMs } = options
  const { orchestrator } = bmc
  const http = new Hono()
  http.use(requestId())
  http.use(
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.json({ detail: 'El pedido es demasiado grande.' }, 413) }),
  )

  http.post('/chat/process', async (c) => {
    const body = await c.req.json().catch(() => undefined)
    if (body === undefined) return refuse(c, { status: 400, detail: 'El cuerpo no es JSON válido.' })
    const request = chatRequest.safeParse(body)
    if (!request.success) {
      const errors = request.error.issues.map(({ path, message }) => ({ campo: path.join('.'), mensaje: message }))
      return c.json({ detail: 'Datos inválidos.', errores: errors }, 422)
    }
    const { mensaje, telefono: phone = '', sesionId, mensajeId } = request.data
    const waitForMs = limit.take(phone)
    if (waitForMs > 0) {
      const detail = 'Demasiados mensajes seguidos; esperá un momento.'
      return refuse(c, { status: 429, detail, retryAfterS: Math.ceil(waitForMs / 1_000) })
    }
    const message = { text: mensaje, phone, sessionId: sesionId ?? undefined, messageId: mensajeId ?? undefined }
    const { sessionId, ...reply } = await chat(bmc, message, waitMs)
    logger.info({ requestId: c.get('requestId'), phone: maskPhone(phone), tipo: reply.tipo }, 'message answered')
    return c.json({ ...reply, sesion_id: sessionId, timestamp: now().toISOString() })
  })

  http.get('/api/orchestrator/status', async (c) => c.json(await orchestrator.status()))
  http.get('/api/orchestrator/agents', (c) => {
    const agents = orchestrator.agents()
    return c.json({ agents, count: agents.length })
  })
  http.get('/health', async (c) => {
    const health = await healthOf(bmc)
    const body = { ...health, timestamp: now().toISOString(), service: 'bmc-chat-api' }
    return c.json(body, health.status === 'unhealthy' ? 503 : 200)
  })

  http.notFound((c) => c.json({ detail: 'No existe.' }, 404))
  http.onError((error, c) => {
    const problem = problemOf(error)
    const level = problem.status === 500 ? 'error' : 'warn'
    logger[level]({ requestId: c.get('requestId'), path: c.req.path, status: problem.status, error }, 'request failed')
    return refuse(c, problem)
  })
  return http
}

function refuse(c: Context, { status, detail, retryAfterS }: HttpProblem): Response {
  if (retryAfterS !== undefined) c.header('Retry-After', String(retryAfterS))
  return c.json({ detail }, status)
}
