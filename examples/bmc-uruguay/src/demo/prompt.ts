import { createInterface } from 'node:readline'
import { createBmc, report } from '../app.js'
import { localChannel } from '../channel.js'
import { chat } from '../chat.js'
import { reportText } from '../domain/report.js'
import { showStart, showStatus } from './show.js'
import { customerReads, heading, indented, paint } from './terminal.js'

const PHONE = '+59894000001'

/** Lets a person be the customer, until the end of the input or `/salir`. */
export async function playPrompt(dataDir: string): Promise<void> {
  const bmc = await createBmc({ dataDir, channel: localChannel(({ text }) => customerReads(text)) })
  try {
    await showStart(bmc)
    heading('You are the customer. /informe, /estado, /salir')
    // Not earlier: lines that come before anybody iterates would be lost.
    const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: paint('cyan', '  🧑 ') })
    let isOpen = true
    lines.on('SIGINT', () => lines.close())
    lines.on('close', () => {
      isOpen = false
    })
    lines.prompt()
    for await (const line of lines) {
      const text = line.trim()
      if (text === '/salir') break
      if (text === '/informe') indented(reportText(await report(bmc)))
      else if (text === '/estado') await showStatus(bmc)
      else customerReads((await chat(bmc, { text, phone: PHONE })).mensaje)
      // Lines that were typed ahead are still answered when the input has ended, but nobody is asked any more.
      if (isOpen) lines.prompt()
    }
    lines.close()
  } finally {
    await bmc.orchestrator.shutdown()
  }
}
