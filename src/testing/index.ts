/** Tools for tests: of code that uses batuta, and of storages, engines, buses and strategies made for it. */
export { type ReplayOptions, replayDecisions } from '../router/replay/replay-decisions.js'
export type { Compared, ReplayReport } from '../router/replay/replay-report.js'
export {
  type Asked,
  type EngineCase,
  type EngineCaseContext,
  type EngineConformanceOptions,
  type EngineConformanceReport,
  type EngineFactory,
  EngineProbe,
  type EngineTiming,
  type EngineUnderTest,
  engineConformance,
  engineConformanceCases,
  runEngineCase,
  runEngineConformance,
} from './engine-conformance/index.js'
export { type BusFaults, FaultyBus, type FaultyBusOptions } from './faults/faulty-bus.js'
export { FaultyStorage, type FaultyStorageOptions, type PartitionMode } from './faults/faulty-storage.js'
export { type EngineFaults, LossyEngine } from './faults/lossy-engine.js'
export { ProcessClock, type ProcessClockOptions } from './faults/process-clock.js'
export type { StorageFaults } from './faults/storage-faults.js'
export {
  type AgentLoad,
  type LoadReport,
  type Quantiles,
  type ServiceTime,
  type SimulatedAgent,
  type SimulatedFailure,
  type SimulatedTaskType,
  type SimulatedWorkload,
  type SimulateLoadOptions,
  simulateLoad,
} from './simulate-load/index.js'
export { type SimulationOptions, type SimulationReport, simulate, type Violation } from './simulation/index.js'
export {
  type CaseContext,
  type Probe,
  runStorageCase,
  runStorageConformance,
  type StorageCapability,
  type StorageCase,
  type StorageConformanceOptions,
  type StorageConformanceReport,
  type StorageFactory,
  type StorageLacks,
  type StorageUnderTest,
  storageConformance,
  storageConformanceCases,
  type TestRunner,
} from './storage-conformance/index.js'
export {
  type MakeStrategy,
  type StrategyCase,
  type StrategyTraits,
  strategyConformance,
} from './strategy-conformance/index.js'
export { type RunUntilOptions, VirtualClock, type VirtualClockOptions } from './virtual-clock.js'
