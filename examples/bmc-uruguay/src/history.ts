import type { ListFilter, ListPage, Task } from 'batuta'
import type { ReportFacts } from './domain/report.js'
import { answerSchema, followUpResultSchema, quotedSchema } from './schemas.js'
import { createQuote, processMessage, sendFollowUp } from './tasks.js'

/** The tasks of a period, as stored. */
export type TaskHistory = (period: Pick<ListFilter, 'from' | 'until'>) => AsyncIterable<Task>

/** Reads a listing page by page. */
export function historyOf(list: (filter: ListFilter) => Promise<ListPage>): TaskHistory {
  return async function* (period) {
    let cursor: string | undefined
    do {
      const page = await list({ ...period, order: 'asc', limit: 500, cursor })
      yield* page.tasks
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

type Facts = Omit<ReportFacts, 'sheetStates'>

/** What the tasks say about the business. */
export async function factsFrom(tasks: AsyncIterable<Task>, nameOf: (product: string) => string): Promise<Facts> {
  const messages: Facts['messages'][number][] = []
  const quotes: Facts['quotes'][number][] = []
  const followUps: Facts['followUps'][number][] = []
  let failedTasks = 0
  for await (const task of tasks) {
    if (task.status === 'failed') failedTasks++
    if (task.type === sendFollowUp.type) followUps.push(followUpEnd(task))
    if (task.status !== 'completed') continue
    if (task.type === processMessage.type) messages.push(messageFact(task))
    if (task.type === createQuote.type) {
      const { quote } = quotedSchema.parse(task.output)
      quotes.push({ productName: nameOf(quote.spec.product), netCents: quote.price.net })
    }
  }
  return { messages, quotes, followUps, failedTasks }
}

function messageFact({ sessionId = '', output, createdAt, endedAt = createdAt }: Task): Facts['messages'][number] {
  const { intent } = answerSchema.parse(output)
  return { sessionId, intent, responseMs: endedAt.getTime() - createdAt.getTime() }
}

function followUpEnd({ status, output }: Task): Facts['followUps'][number] {
  if (status === 'failed') return 'failed'
  if (status === 'cancelled') return 'skipped'
  if (status !== 'completed') return 'pending'
  return followUpResultSchema.parse(output).sent ? 'sent' : 'skipped'
}
