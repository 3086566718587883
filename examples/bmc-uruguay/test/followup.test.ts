import { describe, expect, it } from 'vitest'
import { chat } from '../src/chat.js'
import { sendFollowUp } from '../src/tasks.js'
import { COMPLETE, memorySheet, PHONE, settled, VirtualTeam } from './support/team.js'

const MONDAY = '2026-11-23T10:00:00'

describe('following up', () => {
  it('writes one, two and three days after a quote, and never again', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    for (const day of ['24', '25', '26', '27', '30']) await team.sleepUntil(`2026-11-${day}T10:30:00`)
    expect(team.sentAt).toEqual(['2026-11-24T10:30', '2026-11-25T10:30', '2026-11-26T10:30'])
    expect(team.outbox[0]?.message).toMatchObject({ to: PHONE, text: expect.stringContaining('¡Hola, Ana!') })
    expect(new Set(team.outbox.map(({ message }) => message.text)).size).toBe(3)
  })

  it('is due at the minute, not before', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-24T09:58:00')
    expect(team.outbox).toEqual([])
    await team.sleepUntil('2026-11-24T10:00:30')
    expect(team.outbox).toHaveLength(1)
  })

  it('stops when the customer answers', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-24T10:00:30')
    await team.say('¿tienen garantía?')
    await team.run(async ({ orchestrator }) => {
      const { tasks } = await orchestrator.listTasks({ type: sendFollowUp.type })
      expect(tasks.map(({ status }) => status).sort()).toEqual(['cancelled', 'completed'])
    })
    for (const day of ['25', '26', '27']) await team.sleepUntil(`2026-11-${day}T10:30:00`)
    expect(team.outbox).toHaveLength(1)
  })

  it('does not need the cancel to know that the customer has answered', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    // Answered by a process that ended between its reply and the cancel.
    await team.run(({ orchestrator }) =>
      orchestrator.processMessage({ text: '¿tienen garantía?', from: PHONE, channel: 'chat' }),
    )
    await team.sleepUntil('2026-11-24T10:30:00')
    expect(team.outbox).toEqual([])
    await team.run(async ({ orchestrator }) => {
      const { tasks } = await orchestrator.listTasks({ type: sendFollowUp.type })
      expect(tasks.map(({ output }) => output)).toEqual([{ sent: false, why: 'superseded' }])
    })
  })

  it('goes on a day after a farewell, with the next message and not the first', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-24T10:00:30')
    await team.say('Gracias, lo pensaré')
    for (const day of ['25', '26', '27', '28', '29']) await team.sleepUntil(`2026-11-${day}T11:00:00`)
    expect(team.sentAt.map((at) => at.slice(8, 10))).toEqual(['24', '25', '26'])
    expect(new Set(team.outbox.map(({ message }) => message.text)).size).toBe(3)
  })

  it('asks once about a question that led to nothing', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say('¿Qué es Isodec?', 'Gracias, lo pensaré')
    for (const day of ['24', '25', '26', '27']) await team.sleepUntil(`2026-11-${day}T11:00:00`)
    expect(team.outbox).toHaveLength(1)
    expect(team.outbox[0]?.message.text).toContain('si necesitás una cotización')
  })

  it.each(['no me escriban más', 'BAJA', 'STOP'])('never writes to who said %j', async (text) => {
    const team = new VirtualTeam(MONDAY)
    const replies = await team.say(COMPLETE, text, 'Gracias, lo pensaré', COMPLETE)
    expect(replies[1]?.acciones).toEqual(['registrar_baja'])
    for (const day of ['24', '25', '26']) await team.sleepUntil(`2026-11-${day}T11:00:00`)
    expect(team.outbox).toEqual([])
    // Weeks later, in a conversation that knows nothing of the first.
    await team.sleepUntil('2027-01-04T10:00:00')
    await team.say(COMPLETE)
    await team.sleepUntil('2027-01-05T10:30:00')
    expect(team.outbox).toEqual([])
  })

  it.each(['Confirmado', 'Rechazado'])('leaves a quote alone that is %s', async (state) => {
    const team = new VirtualTeam(MONDAY)
    await team.run(async (bmc) => {
      await chat(bmc, { text: COMPLETE, phone: PHONE })
      await settled(bmc, team.clock)
    })
    const [row] = team.rows
    if (row === undefined) throw new Error('there is no row')
    team.rows[0] = { ...row, Estado: state }
    for (const day of ['24', '25', '26']) await team.sleepUntil(`2026-11-${day}T11:00:00`)
    expect(team.outbox).toEqual([])
  })

  it('waits for the morning', async () => {
    const team = new VirtualTeam('2026-11-23T22:00:00')
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-24T22:30:00')
    expect(team.outbox).toEqual([])
    await team.sleepUntil('2026-11-25T09:00:30')
    expect(team.sentAt).toEqual(['2026-11-25T09:00'])
  })

  it('waits for the morning also when it starts at night with something overdue', async () => {
    const team = new VirtualTeam(MONDAY)
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-25T03:00:00')
    expect(team.outbox).toEqual([])
    await team.sleepUntil('2026-11-25T09:00:30')
    expect(team.sentAt).toEqual(['2026-11-25T09:00'])
  })

  it('tries again when sending fails, with one key, and gives up into the dead letters', async () => {
    const keys: string[] = []
    let failures = 2
    const channel = {
      send: async ({ idempotencyKey }: { idempotencyKey: string }) => {
        keys.push(idempotencyKey)
        if (failures-- > 0) throw new Error('WhatsApp is away')
      },
    }
    const team = new VirtualTeam(MONDAY, { channel })
    await team.say(COMPLETE)
    await team.sleepUntil('2026-11-24T10:00:30')
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)

    failures = Number.POSITIVE_INFINITY
    await team.sleepUntil('2026-11-25T10:00:30')
    expect(keys).toHaveLength(7)
    await team.run(async ({ orchestrator }) => {
      const { tasks } = await orchestrator.listTasks({ status: 'failed' })
      expect(tasks.map(({ type, attempts }) => [type, attempts.length])).toEqual([[sendFollowUp.type, 4]])
    })
  })

  it('sends once when two teams share the storage', async () => {
    const { sheet } = memorySheet()
    const team = new VirtualTeam(MONDAY, { sheet })
    await team.say(COMPLETE)
    await team.clock.advance(24 * 3_600_000)
    await team.run(async (bmc) => {
      await team.alsoRun(() => settled(bmc, team.clock))
    })
    expect(team.outbox).toHaveLength(1)
  })
})
