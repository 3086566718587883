/**
 * Where a file stands in the order of docs/architecture.md section 6: internal, errors <- task <- ports <-
 * implementations <- coordinator <- conversation, workflow <- orchestrator <- edges.
 */
export const LAYERS = [
  'foundation',
  'vocabulary',
  'port',
  'implementation',
  'coordinator',
  'conversation',
  'orchestrator',
  'edge',
] as const

/** One step of that order. */
export type Layer = (typeof LAYERS)[number]

/** Where a file stands, and with whom it may talk on its own level. */
export interface Place {
  readonly layer: Layer
  /** The port's folder for ports and implementations, otherwise the folder of `src/`. */
  readonly area: string
  /** Files of one unit may import each other. */
  readonly unit: string
}

/** Folders whose files are a port, and what its implementations share. Everything deeper is an implementation. */
const PORT_AREAS: ReadonlySet<string> = new Set(['storage', 'engine', 'bus', 'router', 'telemetry'])

/** Files that stand directly in a port's folder and yet are implementations. */
const IMPLEMENTATIONS_BESIDE_PORT: ReadonlySet<string> = new Set(['bus/in-process-bus.ts'])

const FOLDER_LAYERS: Readonly<Record<string, Layer>> = {
  internal: 'foundation',
  errors: 'foundation',
  task: 'vocabulary',
  coordinator: 'coordinator',
  conversation: 'conversation',
  workflow: 'conversation',
  orchestrator: 'orchestrator',
  testing: 'edge',
  http: 'edge',
  cli: 'edge',
  mcp: 'edge',
  a2a: 'edge',
}

/** Where a file below `src/` stands; undefined for a folder that section 6 does not know. */
export function placeOfPath(path: string): Place | undefined {
  const [area = '', ...rest] = path.split('/')
  if (rest.length === 0) return { layer: 'edge', area: 'root', unit: 'root' }
  if (!PORT_AREAS.has(area)) {
    const layer = FOLDER_LAYERS[area]
    return layer === undefined ? undefined : { layer, area, unit: area }
  }
  if (area === 'router') return routerPlace(path)
  if (rest.length === 1 && !IMPLEMENTATIONS_BESIDE_PORT.has(path)) return { layer: 'port', area, unit: area }
  return { layer: 'implementation', area, unit: rest.length === 1 ? path : `${area}/${rest[0]}` }
}

/** The router's port is one file; the rest of the folder is what filters and asks, and the strategies are asked. */
function routerPlace(path: string): Place {
  if (path === 'router/routing-strategy.ts') return { layer: 'port', area: 'router', unit: 'router/port' }
  const strategy = path.startsWith('router/strategies/')
  return { layer: 'implementation', area: 'router', unit: strategy ? 'router/strategies' : 'router' }
}
