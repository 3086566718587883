import type { InstanceLoad } from './instance-load.js'

const NONE: readonly InstanceLoad[] = []

/** Instances by agent: nearly always one of each. */
export class ByAgent {
  readonly #instances = new Map<string, InstanceLoad[]>()

  add(load: InstanceLoad): void {
    const siblings = this.#instances.get(load.agentId)
    if (siblings === undefined) this.#instances.set(load.agentId, [load])
    else siblings.push(load)
  }

  delete(load: InstanceLoad): void {
    const siblings = this.of(load.agentId).filter((other) => other !== load)
    if (siblings.length === 0) this.#instances.delete(load.agentId)
    else this.#instances.set(load.agentId, siblings)
  }

  of(agentId: string): readonly InstanceLoad[] {
    return this.#instances.get(agentId) ?? NONE
  }
}
