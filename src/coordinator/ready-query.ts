import type { Entry, NodeContext } from './node-context.js'

/** Tenants that one refill looks at. */
const MAX_TENANTS = 100

/** The ready tasks of a lane in rank order, tenants alike: at most `limit`, fewer only when there are no more. */
export async function readReady(node: NodeContext, lane: string, limit: number): Promise<readonly Entry[]> {
  const first = await node.query('task', 'ready', { prefix: [lane], limit: Math.min(limit, 1_000) })
  const last = first[first.length - 1]
  if (first.length < limit || last === undefined) return first
  const tenants = await tenantsOf(node, lane)
  if (tenants.length < 2) return first
  const share = Math.ceil(limit / tenants.length)
  const parts = await Promise.all(
    tenants.map((tenant) => node.query('task', 'ready', { prefix: [lane, tenant], limit: share })),
  )
  // In turn: every tenant's first, then every tenant's second.
  const mixed: Entry[] = []
  for (let i = 0; i < share; i++) {
    for (const part of parts) {
      const entry = part[i]
      if (entry !== undefined) mixed.push(entry)
    }
  }
  // There is more than this for somebody, so the answer must not look like all there is.
  return mixed.length < limit ? [...mixed, ...first.filter((entry) => !mixed.includes(entry))].slice(0, limit) : mixed
}

/** The tenants that have something in a lane, found by seeking past each. */
async function tenantsOf(node: NodeContext, lane: string): Promise<string[]> {
  const tenants: string[] = []
  for (let after: readonly string[] | undefined; tenants.length < MAX_TENANTS; ) {
    const [next] = await node.query('task', 'ready', { prefix: [lane], after, limit: 1 })
    if (next === undefined) break
    tenants.push(next.value.tenant)
    after = [lane, next.value.tenant]
  }
  return tenants
}

/** The lanes that have something ready in storage, found by seeking past each. */
export async function lanesInStorage(node: NodeContext, limit: number): Promise<string[]> {
  const lanes: string[] = []
  for (let after: readonly string[] | undefined; lanes.length < limit; ) {
    const [next] = await node.query('task', 'ready', { after, limit: 1 }, 0)
    if (next === undefined) break
    lanes.push(next.value.lane)
    after = [next.value.lane]
  }
  return lanes
}
