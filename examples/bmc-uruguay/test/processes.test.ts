import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDir } from './support/team.js'

const example = fileURLToPath(new URL('..', import.meta.url))

/** A script of the example in a process of its own, with a temporary directory of its own. */
async function start(script: string, { args = [], env = {} }: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  const temp = join(await temporaryDir(), 'temp')
  await mkdir(temp)
  const child = spawn(process.execPath, ['--import', 'tsx', join('src', script), ...args], {
    cwd: example,
    env: { ...process.env, NO_COLOR: '1', ...env, TMPDIR: temp },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return { child, leftovers: async () => (await readdir(temp)).filter((name) => name.startsWith('bmc-')) }
}

async function finished(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

describe('npm run demo', { timeout: 60_000 }, () => {
  it('plays two days, ends by itself and leaves nothing behind', async () => {
    const { child, leftovers } = await start('demo.ts')
    const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), finished(child)])
    // Some versions of Node say that their SQLite is experimental.
    expect(errors.replace(/^.*ExperimentalWarning: SQLite.*\n.*--trace-warnings.*\n/m, '')).toBe('')
    expect(code).toBe(0)
    const steps = [
      'Registered agents',
      '✅ conversation_agent',
      '✅ quote_agent',
      '✅ followup_agent',
      '✅ data_sync_agent',
      '✅ analytics_agent',
      'Health check',
      '5 of 5 agents online',
      'Hola, quiero cotizar Isodec',
      'necesito los siguientes datos',
      'Total: $ 9.150,00',
      'quote_agent was the only one',
      'Arg,Estado,Fecha',
      '📤 to •••001',
      '¡Hola, Ana!',
      'Gracias, lo pensaré',
      '5 en 1 conversación',
      '1 enviado, 1 pendiente, 1 omitido, 0 fallidos',
      '1 pending, 0 running',
      '✅ Done',
    ]
    const places = steps.map((step) => output.indexOf(step))
    expect(places.map((place, at) => (place === -1 ? steps[at] : ''))).toEqual(steps.map(() => ''))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(await leftovers()).toEqual([])
  })

  it('lets a person type', async () => {
    const { child, leftovers } = await start('demo.ts', { args: ['--chat'] })
    child.stdin.end('Soy Ana Gómez, cotizar isodec 10x5 100mm\n/estado\n/informe\n/salir\n')
    const [output, code] = await Promise.all([text(child.stdout), finished(child)])
    expect(code).toBe(0)
    expect(output).toContain('Total: $ 9.150,00')
    expect(output).toContain('tasks')
    expect(output).toContain('1 por $ 7.500,00 + IVA')
    expect(await leftovers()).toEqual([])
  })

  it('says what is wrong, with another exit code', async () => {
    const { child } = await start('demo.ts', { args: ['--nope'] })
    const [errors, code] = await Promise.all([text(child.stderr), finished(child)])
    expect(code).toBe(2)
    expect(errors).toContain('Unknown option --nope')

    const broken = await start('demo.ts', { env: { BMC_DATA_DIR: '/dev/null/nowhere' } })
    const [brokenErrors, brokenCode] = await Promise.all([text(broken.child.stderr), finished(broken.child)])
    expect(brokenCode).toBe(1)
    expect(brokenErrors).toContain('❌ The demo failed')
  })
})

describe('npm start', { timeout: 60_000 }, () => {
  it('serves, and stops when it is told to', async () => {
    const { child, leftovers } = await start('server.ts', { env: { PORT: '0' } })
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(chunk))?.[0]
    const response = await fetch(`${url}/chat/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ mensaje: 'Hola, quiero cotizar Isodec', telefono: '+59812345678' }),
    })
    expect(response.status).toBe(200)
    const log = text(child.stderr)
    child.kill('SIGTERM')
    expect(await finished(child)).toBe(0)
    expect(await log).toContain('message answered')
    expect(await log).not.toMatch(/12345678|cotizar/)
    expect(await leftovers()).toEqual([])
  })

  it.each(['abc', '70000'])('refuses PORT=%s', async (PORT) => {
    const { child } = await start('server.ts', { env: { PORT } })
    const [errors, code] = await Promise.all([text(child.stderr), finished(child)])
    expect(code).toBe(1)
    expect(errors).toContain(`PORT is "${PORT}"`)
  })

  it('says when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const address = other.address()
    const PORT = String(typeof address === 'object' ? address?.port : '')
    const { child, leftovers } = await start('server.ts', { env: { PORT } })
    const [errors, code] = await Promise.all([text(child.stderr), finished(child)])
    expect(code).toBe(1)
    expect(errors).toContain('EADDRINUSE')
    expect(await leftovers()).toEqual([])
  })
})
