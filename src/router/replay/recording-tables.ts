import type { CandidateSnapshot } from '../candidate-snapshot.js'
import { listOfLatencies } from '../latencies.js'
import type { RoutingStrategy } from '../routing-strategy.js'
import type { RecordedInstance, RecordedNumbers, RecordedStrategy } from './recording.js'

/** What many entries of a recording share, each once. */
export class RecordingTables {
  readonly instances: RecordedInstance[] = []
  readonly numbers: RecordedNumbers[] = []
  readonly strategies: RecordedStrategy[] = []
  readonly #instances = new Map<string, number>()
  readonly #numbers = new Map<CandidateSnapshot, number>()
  readonly #strategies = new Map<RoutingStrategy, number>()

  /** @param state - what it remembered; counts only when the strategy is new. */
  strategy(strategy: RoutingStrategy, state?: unknown): number {
    const { name } = strategy
    return indexIn(this.#strategies, strategy, this.strategies, () => ({ name, ...(state !== undefined && { state }) }))
  }

  instance({ instanceId, agentId, capabilities, cost, metadata }: CandidateSnapshot): number {
    const instance = { instance: instanceId, agent: agentId, capabilities, cost, metadata }
    // One that left and came back with other capabilities is another one.
    return indexIn(this.#instances, JSON.stringify(instance), this.instances, () => instance)
  }

  places(places: readonly (CandidateSnapshot | number)[]): number[] {
    return places.map((place) => (typeof place === 'number' ? place : this.#numbersOf(place)))
  }

  #numbersOf(snapshot: CandidateSnapshot): number {
    return indexIn(this.#numbers, snapshot, this.numbers, () => {
      const { inFlight, capacity, weight, successRate, lastAssigned } = snapshot
      const latencies = listOfLatencies(snapshot.latencies)
      return { of: this.instance(snapshot), inFlight, capacity, weight, successRate, lastAssigned, latencies }
    })
  }
}

function indexIn<K, V>(indexes: Map<K, number>, key: K, list: V[], make: () => V): number {
  const known = indexes.get(key)
  if (known !== undefined) return known
  const index = list.push(make()) - 1
  indexes.set(key, index)
  return index
}
