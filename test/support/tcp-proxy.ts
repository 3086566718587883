import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** One connection through the proxy. */
export interface ProxiedLink {
  readonly client: Socket
  readonly server: Socket
  /** Resets both sides. */
  cut(): void
}

/** What becomes of a piece of data: by default it is passed on. */
export type Forward = (data: Buffer, link: ProxiedLink) => void

/** Stands between a client and a server, and does to what passes what a test says. */
export class TcpProxy {
  readonly port: number
  /** What the client sends. */
  toServer: Forward = (data, { server }) => void server.write(data)
  /** What the server sends. */
  toClient: Forward = (data, { client }) => void client.write(data)
  /** Whether new connections are let through; otherwise they are reset at once. */
  isOpen = true
  /** What is on its way while the network is silent. */
  #held: (() => void)[] | undefined
  readonly #links = new Set<ProxiedLink>()
  readonly #listening: Server
  #targetPort: number

  private constructor(listening: Server, port: number, targetPort: number) {
    this.#listening = listening
    this.port = port
    this.#targetPort = targetPort
    listening.on('connection', (client: Socket) => this.#join(client))
  }

  /** Listens on a free port of this machine and leads to another one of it. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const listening = createServer().listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const address = listening.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new TcpProxy(listening, address.port, targetPort)
  }

  /** From now on nothing arrives anywhere, not even the end of a connection, and nobody is told. */
  hold(): void {
    this.#held ??= []
  }

  /** Everything passes again; what was held arrives late, in its order. */
  passAll(): void {
    this.toServer = (data, { server }) => void server.write(data)
    this.toClient = (data, { client }) => void client.write(data)
    this.isOpen = true
    const late = this.#held ?? []
    this.#held = undefined
    for (const arrive of late) arrive()
  }

  /** New connections lead to another port of this machine. */
  leadTo(port: number): void {
    this.#targetPort = port
  }

  /** Resets every connection there is. */
  cutAll(): void {
    for (const link of this.#links) link.cut()
  }

  async stop(): Promise<void> {
    this.passAll()
    this.cutAll()
    this.#listening.close()
    await once(this.#listening, 'close')
  }

  #join(client: Socket): void {
    if (!this.isOpen) {
      client.resetAndDestroy()
      return
    }
    const server = createConnection(this.#targetPort, '127.0.0.1')
    const link: ProxiedLink = {
      client,
      server,
      cut: () => {
        this.#links.delete(link)
        client.resetAndDestroy()
        server.resetAndDestroy()
      },
    }
    this.#links.add(link)
    const pass = (arrive: () => void) => {
      if (this.#held === undefined) arrive()
      else this.#held.push(arrive)
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      // It closes next.
      socket.on('error', () => undefined)
      socket.on('close', () => pass(link.cut))
    }
    client.on('data', (data: Buffer) => pass(() => this.toServer(data, link)))
    server.on('data', (data: Buffer) => pass(() => this.toClient(data, link)))
  }
}
