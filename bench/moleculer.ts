import type { Side } from './measure.js'

/** The few members of Moleculer that are used; its types are there only when it is installed. */
interface Broker {
  createService(service: {
    name: string
    actions: Record<string, { handler(ctx: { params: { n: number } }): Promise<unknown> }>
  }): void
  start(): Promise<void>
  stop(): Promise<void>
  call(action: string, params: unknown): Promise<unknown>
}

/** Moleculer that fits this version of Node (0.14 up to 20, 0.15 from 22), or why it is left out. */
export async function loadMoleculer(): Promise<
  { version: string; createBroker: (options: object) => Broker } | string
> {
  const version = Number(process.versions.node.split('.')[0]) < 22 ? '0.14' : '0.15'
  try {
    const module = (await import(`moleculer-${version}`)) as {
      default: { ServiceBroker: new (options: object) => Broker }
    }
    return { version, createBroker: (options) => new module.default.ServiceBroker(options) }
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error
    return 'not installed (npm install --prefix bench)'
  }
}

/** The same work through a Moleculer action, with retry, circuit breaker and bulkhead on. */
export function moleculerSide(
  createBroker: (options: object) => Broker,
  options: { count: number; slots: number; work: (n: number) => Promise<unknown> },
): Side {
  const { count, slots, work } = options
  return {
    name: 'moleculer',
    async prepare() {
      const broker = createBroker({
        logger: false,
        retryPolicy: { enabled: true, retries: 3 },
        circuitBreaker: { enabled: true },
        bulkhead: { enabled: true, concurrency: slots, maxQueueSize: count },
      })
      broker.createService({ name: 'bench', actions: { work: { handler: (ctx) => work(ctx.params.n) } } })
      await broker.start()
      return {
        work: async () => {
          await Promise.all(Array.from({ length: count }, (_, n) => broker.call('bench.work', { n })))
        },
        close: () => broker.stop(),
      }
    },
  }
}
