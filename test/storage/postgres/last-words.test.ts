/** What the server says last, on the wire: which words leave the outcome open. */
import { expect, it } from 'vitest'
import { whyNoFaults } from '../../support/postgres-server.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, failure, leave, recovered } from '../asking.js'
import { describePostgres, opened } from './support.js'

/** An ErrorResponse: its fields, each after its letter. https://www.postgresql.org/docs/current/protocol-error-fields.html */
function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .map(([letter, text]) => `${letter}${text}\0`)
      .join('')}\0`,
  )
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

const UNKNOWN = { code: 'STORAGE_OUTCOME_UNKNOWN', retryable: true }
const UNAVAILABLE = { code: 'STORAGE_UNAVAILABLE', retryable: true }
const REFUSED = { code: 'STORAGE_REFUSED', retryable: false }

describePostgres(
  'the last words of a server that broke while it committed',
  [],
  (server) => {
    it.each([
      ['PANIC', '53100', UNKNOWN],
      ['PANIC', '58030', UNKNOWN],
      ['ERROR', '58030', UNKNOWN],
      ['FATAL', '53200', UNKNOWN],
      ['FATAL', '57P01', UNKNOWN],
      ['PANIK', 'XX000', UNKNOWN],
      // A server that speaks German: what may be a PANIC is taken for one.
      ['FEHLER', '53100', UNKNOWN],
      ['FEHLER', '40001', UNAVAILABLE],
      ['FEHLER', '22003', REFUSED],
      ['ERROR', '53100', UNAVAILABLE],
      ['ERROR', 'XX000', UNAVAILABLE],
    ])('%s %s', async (severity, code, expected) => {
      const proxy = await TcpProxy.start(server().port)
      const url = server().url.replace(`:${server().port}`, `:${proxy.port}`)
      const storage = await opened({ connectionString: url, channel: false })
      const write = leave('a', { at: 1 })
      proxy.toServer = (data, link) => {
        link.server.write(data)
        if (!data.includes('batuta_commit_')) return
        // It is written all the same: the answer is another one's.
        proxy.toClient = (_, { client }) => {
          client.write(errorResponse({ S: severity, C: code, M: 'could not write to file' }), () => link.cut())
        }
      }
      expect(await failure(commit(storage, write))).toMatchObject(expected)
      proxy.passAll()
      await recovered(storage)
      expect(await commit(storage, write)).toEqual({ applied: true })
      await storage.close()
      await proxy.stop()
    })
  },
  whyNoFaults,
)
