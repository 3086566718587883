import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bmc, createBmc, report } from '../app.js'
import { localChannel } from '../channel.js'
import { chat } from '../chat.js'
import { maskPhone } from '../domain/phone.js'
import { reportText } from '../domain/report.js'
import { createQuote, sendFollowUp } from '../tasks.js'
import { showStart, showStatus } from './show.js'
import { customerReads, customerSays, heading, indented } from './terminal.js'
import { demoClock } from './virtual-day.js'

const PHONE = '+59894000001'
const MONDAY_AT_TEN = new Date('2026-11-23T10:00:00-03:00')
const DAY_MS = 24 * 3_600_000

/**
 * Two days in the life of the team, on one SQLite file. Each day is a process of its own as far as batuta can tell:
 * what the first left to do, the second finds in the file.
 *
 * @throws when anything comes out differently from what it should.
 */
export async function playScript(dataDir: string): Promise<void> {
  const time = demoClock(MONDAY_AT_TEN)
  const channel = localChannel(({ to, text }) => {
    indented(`📤 to ${maskPhone(to)}`)
    customerReads(text)
  })
  const day = (body: (bmc: Bmc) => Promise<void>) =>
    runDay(time, () => createBmc({ dataDir, clock: time.clock, channel }), body)

  await day(async (bmc) => {
    await showStart(bmc)
    await firstDay(bmc, dataDir)
  })
  heading('The process stops. A day later it starts again, on the same file')
  await time.putForward(DAY_MS)
  await day(secondDay)
}

async function firstDay(bmc: Bmc, dataDir: string): Promise<void> {
  heading('Monday, 10:00: a customer writes')
  await say(bmc, 'Hola, quiero cotizar Isodec')
  await say(bmc, '10m x 5m, 100mm, blanco')
  await say(bmc, '¿Cuánto demora la entrega?')
  expect(await say(bmc, 'Soy Ana Gómez'), '$ 9.150,00')

  heading('Why the quote went where it went')
  indented(await explainQuote(bmc))

  heading("The row in the sales team's sheet")
  await settled(bmc)
  indented((await readFile(join(dataDir, 'admin.csv'), 'utf8')).trimEnd())
}

async function secondDay(bmc: Bmc): Promise<void> {
  heading('Tuesday, 10:00: the follow-up is due')
  const { sent, why } = await followUpResult(bmc)
  if (!sent) throw new Error(`the follow-up was not sent: ${why}`)
  await say(bmc, 'Gracias, lo pensaré')

  heading('Report')
  indented(reportText(await report(bmc)))
  await showStatus(bmc)
}

/** Starts the team, lets time run, and stops the team. */
async function runDay(
  time: ReturnType<typeof demoClock>,
  start: () => Promise<Bmc>,
  body: (bmc: Bmc) => Promise<void>,
): Promise<void> {
  const stopTime = time.run()
  try {
    const bmc = await start()
    try {
      await body(bmc)
    } finally {
      await bmc.orchestrator.shutdown()
    }
  } finally {
    await stopTime()
  }
}

async function say(bmc: Bmc, text: string): Promise<string> {
  customerSays(text)
  const { mensaje } = await chat(bmc, { text, phone: PHONE })
  customerReads(mensaje)
  return mensaje
}

async function explainQuote({ orchestrator }: Bmc): Promise<string> {
  const { tasks } = await orchestrator.listTasks({ type: createQuote.type })
  const task = await orchestrator.getTask(tasks[0]?.id ?? '')
  if (task === undefined) throw new Error('there is no quote task')
  return String(await task.explain())
}

/** Waits for the tasks that nobody waits for: those that may start now. */
async function settled({ orchestrator }: Bmc): Promise<void> {
  const { tasks } = await orchestrator.listTasks({ status: ['pending', 'running'] })
  const due = tasks.filter(({ type }) => type !== sendFollowUp.type)
  await Promise.all(due.map(async ({ id }) => (await orchestrator.getTask(id))?.result({ waitMs: 10_000 })))
}

async function followUpResult({ orchestrator }: Bmc): Promise<{ sent: boolean; why: string }> {
  // The oldest: once it is sent, the next one is pending.
  const { tasks } = await orchestrator.listTasks({ type: sendFollowUp.type, order: 'asc' })
  const task = await orchestrator.getTask(tasks[0]?.id ?? '', sendFollowUp)
  if (task === undefined) throw new Error('no follow-up was scheduled')
  return task.result({ waitMs: 10_000 })
}

function expect(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in the answer ${JSON.stringify(text)}`)
}
