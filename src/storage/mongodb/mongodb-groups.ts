import { nameOf } from './mongodb-contention.js'
import type { PreparedSet } from './mongodb-write.js'

/** Sets in one transaction. Few, since a process that dies inside of it leaves the records of all of them locked. */
const MAX_SETS = 32

/** Splits sets into groups that have no record in common, so that their transactions do not stand in each other's way. */
export function groupsOf(sets: readonly PreparedSet[]): PreparedSet[][] {
  const groups: PreparedSet[][] = []
  let open: PreparedSet[] = []
  for (const linked of linkedSets(sets)) {
    if (open.length > 0 && open.length + linked.length > MAX_SETS) {
      groups.push(open)
      open = []
    }
    open.push(...linked)
  }
  if (open.length > 0) groups.push(open)
  return groups
}

/** Those that expect the same record belong together. */
function linkedSets(sets: readonly PreparedSet[]): Set<PreparedSet[]> {
  const linkOf = new Map<string, PreparedSet[]>()
  const links = new Set<PreparedSet[]>()
  for (const one of sets) {
    const link = [one]
    links.add(link)
    for (const name of one.writes.map(nameOf)) {
      const other = linkOf.get(name)
      linkOf.set(name, link)
      if (other === undefined || other === link) continue
      for (const moved of other) for (const write of moved.writes) linkOf.set(nameOf(write), link)
      link.push(...other)
      links.delete(other)
    }
  }
  return links
}
