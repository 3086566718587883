import { isBatutaError } from 'batuta'
import type { Answer, Bmc } from './app.js'
import { CONFIDENCE, type Reply, replyOf } from './domain/reply.js'
import { createQuote } from './tasks.js'

/** A message of a customer. */
export interface ChatMessage {
  readonly text: string
  /** E.164. */
  readonly phone: string
  /** Default `chat`. */
  readonly channel?: 'chat' | 'whatsapp' | undefined
  readonly sessionId?: string | undefined
  /** The sender's id of it: delivered twice, it is answered once. */
  readonly messageId?: string | undefined
}

/** What the customer gets. */
export interface ChatReply extends Reply {
  readonly sessionId: string
}

/** The answer took longer than the caller waits. Work goes on; the same message id gets the answer later. */
export class ChatTimeout extends Error {
  override readonly name = 'ChatTimeout'
}

/**
 * Passes on a message, and gives back everything that the customer is to read.
 *
 * The conversation agent can't wait for the quote agent: it would hold a slot, and the conversation's turn, for work
 * that needs the same turn. So it stages the quote as a follow-on task and names it in its reply, and the wait is here,
 * outside of any agent, where waiting costs nothing. A crash in between loses nothing either: the quote task was created in
 * the commit that accepted the reply, and whoever asks again with the same message id gets both.
 */
export async function chat(bmc: Bmc, message: ChatMessage, waitMs = 15_000): Promise<ChatReply> {
  const { text, phone, channel = 'chat', sessionId, messageId } = message
  const deadline = new AbortController()
  // Real time, whatever clock the team runs on: it is a person, or a socket, that waits.
  const timer = setTimeout(() => deadline.abort(), waitMs)
  try {
    const answered = bmc.orchestrator.processMessage({ text, from: phone, channel, sessionId, messageId })
    const { reply, sessionId: session } = await unlessAborted(answered, deadline.signal)
    await cancelFollowUp(bmc, reply).catch(() => undefined)
    return { ...(await withQuote(bmc, reply, deadline.signal)), sessionId: session }
  } catch (error) {
    if (isBatutaError(error, 'WAIT_TIMEOUT')) throw new ChatTimeout('the answer takes too long', { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The reply, with the quote that it announces. */
async function withQuote({ orchestrator }: Bmc, answer: Answer, signal: AbortSignal): Promise<Reply> {
  const { intent: _, quoteTaskId, supersededTaskId: __, ...reply } = answer
  if (quoteTaskId === undefined) return reply
  const task = await orchestrator.getTask(quoteTaskId, createQuote)
  try {
    const quoted = await task?.result({ signal })
    return quoted === undefined ? reply : { ...reply, mensaje: `${reply.mensaje}\n\n${quoted.mensaje}` }
  } catch (error) {
    if (!isBatutaError(error, 'TASK_FAILED')) throw error
    // The data is kept: the customer's next message makes the quote again.
    return replyOf(
      'No pude preparar la cotización en este momento. Tus datos quedaron guardados: escribime y lo intento de nuevo.',
      'error',
      CONFIDENCE.error,
    )
  }
}

/** Tidies up: the follow-up would find out by itself, when it is due, that nobody wants it. */
async function cancelFollowUp({ orchestrator }: Bmc, { supersededTaskId }: Answer): Promise<void> {
  if (supersededTaskId === undefined) return
  const task = await orchestrator.getTask(supersededTaskId)
  await task?.cancel('the customer wrote')
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new ChatTimeout('the answer takes too long')), { once: true })
    promise.then(resolve, reject)
  })
}
