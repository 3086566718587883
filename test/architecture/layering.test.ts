import { describe, expect, it } from 'vitest'
import { LAYERS, type Place, placeOfPath } from './layers.js'
import { type SourceFile, type SourceImport, sourceFiles } from './source-files.js'

const files = sourceFiles()

/** Imports that break a rule for a reason; `from` may be a folder. Keep it short; each line is a debt. */
const ALLOWED: readonly { readonly from: string; readonly to: string; readonly reason: string }[] = [
  { from: 'router/strategies/', to: 'router/built-in.ts', reason: 'marks ours, which need no frozen copies' },
  {
    from: 'task/definition.ts',
    to: 'router/routing-strategy.ts',
    reason: 'a definition may hold a strategy; types only',
  },
  { from: 'router/strategies/', to: 'router/routing-context.ts', reason: 'one strategy asks another about fewer' },
]

function isAllowed(from: string, to: string): boolean {
  return ALLOWED.some((entry) => from.startsWith(entry.from) && entry.to === to)
}

function ownImports(file: SourceFile): readonly SourceImport[] {
  return file.imports.filter((entry) => entry.own)
}

function rankOf(place: Place): number {
  return LAYERS.indexOf(place.layer)
}

/** What a rule says about one import, or nothing if it may stand. */
function complaint(fromPath: string, toPath: string): string | undefined {
  const from = placeOfPath(fromPath)
  const to = placeOfPath(toPath)
  if (from === undefined || to === undefined || isAllowed(fromPath, toPath) || from.unit === to.unit) return undefined
  if (rankOf(to) > rankOf(from)) return 'imports only go down'
  if (from.layer === 'edge') return edgeComplaint(from, to)
  if (from.layer === 'implementation') return implementationComplaint(from, to)
  if (from.layer === 'port' && to.layer === 'port') return 'a port imports no other port'
  if (from.layer === to.layer && from.layer !== 'foundation') return 'neighbours on one level do not know each other'
  return undefined
}

/** The list of exports and the simulation compose everything; servers, tools and bridges are users like any other. */
function edgeComplaint(from: Place, to: Place): string | undefined {
  if (to.area === 'testing') return 'nobody imports testing'
  if (from.area === 'root' || from.area === 'testing' || to.layer === 'foundation') return undefined
  return to.area === 'root' ? undefined : 'edges use public names only'
}

/** An implementation imports its port and nothing beside it. The router asks strategies; SQL storages share `sql`. */
function implementationComplaint(from: Place, to: Place): string | undefined {
  if (to.layer === 'foundation' || to.layer === 'vocabulary') return undefined
  if (to.area !== from.area) return 'an implementation knows no port but its own'
  if (to.layer === 'port') return undefined
  if (from.unit === 'router' && to.unit === 'router/strategies') return undefined
  if (to.unit === 'storage/sql') return undefined
  return 'an implementation imports nothing beside its port'
}

describe('layering of src', () => {
  it('knows every folder', () => {
    expect(files.filter((file) => placeOfPath(file.path) === undefined).map((file) => file.path)).toEqual([])
  })

  it('imports only go down, and nothing beside its port', () => {
    const found = files.flatMap((file) =>
      ownImports(file).flatMap(({ target }) => {
        const problem = complaint(file.path, target)
        return problem === undefined ? [] : `${file.path} -> ${target}: ${problem}`
      }),
    )
    expect(found).toEqual([])
  })

  it('only coordinator knows storage, engine and router at once', () => {
    const known = new Map<string, Set<string>>()
    for (const file of files) {
      const folder = placeOfPath(file.path)?.area ?? file.path
      for (const { target, typeOnly } of ownImports(file)) {
        // The facade's options name the ports' types; knowing means using their code.
        if (typeOnly && folder === 'orchestrator') continue
        const area = placeOfPath(target)?.area ?? ''
        known.set(folder, (known.get(folder) ?? new Set()).add(area))
      }
    }
    const knowsAll = [...known].filter(([, areas]) => ['storage', 'engine', 'router'].every((area) => areas.has(area)))
    const folders = knowsAll.map(([folder]) => folder)
    // The list of exports and the simulation stand above everything and compose it for others.
    expect(folders.filter((folder) => !['coordinator', 'testing', 'root'].includes(folder))).toEqual([])
  })

  it('has no ring of imports', () => {
    expect(rings(files)).toEqual([])
  })

  it('allows only what is still needed', () => {
    const stale = ALLOWED.filter(
      ({ from, to }) =>
        !files.some((file) => file.path.startsWith(from) && file.imports.some(({ target }) => target === to)),
    )
    expect(stale).toEqual([])
  })
})

describe('the rules themselves', () => {
  it.each([
    ['task/task.ts', 'storage/storage.ts', 'imports only go down'],
    ['internal/id.ts', 'task/task.ts', 'imports only go down'],
    ['storage/storage.ts', 'engine/engine.ts', 'a port imports no other port'],
    [
      'storage/memory/memory-storage.ts',
      'storage/sqlite/index.ts',
      'an implementation imports nothing beside its port',
    ],
    ['storage/memory/memory-storage.ts', 'engine/engine.ts', 'an implementation knows no port but its own'],
    ['router/strategies/balanced.ts', 'router/router.ts', 'an implementation imports nothing beside its port'],
    ['engine/in-process/index.ts', 'coordinator/coordinator.ts', 'imports only go down'],
    ['coordinator/submit.ts', 'orchestrator/orchestrator.ts', 'imports only go down'],
    ['conversation/session.ts', 'workflow/run.ts', 'neighbours on one level do not know each other'],
    ['http/handler.ts', 'testing/index.ts', 'nobody imports testing'],
    ['http/handler.ts', 'coordinator/submit.ts', 'edges use public names only'],
    ['http/handler.ts', 'index.ts', undefined],
    ['index.ts', 'coordinator/coordinator.ts', undefined],
    ['storage/sqlite/index.ts', 'storage/sql/rows.ts', undefined],
    ['storage/sqlite/index.ts', 'storage/storage.ts', undefined],
    ['router/router.ts', 'router/strategies/balanced.ts', undefined],
    ['errors/base-error.ts', 'internal/hash.ts', undefined],
    ['coordinator/run.ts', 'storage/memory/memory-storage.ts', undefined],
  ])('%s -> %s: %s', (from, to, expected) => {
    expect(complaint(from, to)).toBe(expected)
  })
})

/** Rings of imports that remain when types are erased; such files depend on the order in which they load. */
function rings(all: readonly SourceFile[]): string[] {
  const byPath = new Map(all.map((file) => [file.path, file]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    if (trail.includes(path) || done.has(path)) return
    for (const { target, own, typeOnly, dynamic } of byPath.get(path)?.imports ?? []) {
      if (own && !typeOnly && !dynamic) visit(target, [...trail, path])
    }
    done.add(path)
  }
  for (const file of all) visit(file.path, [])
  return found
}
