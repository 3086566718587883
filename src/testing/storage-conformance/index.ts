export type { Probe } from './probe.js'
export {
  runStorageConformance,
  type StorageConformanceOptions,
  type StorageConformanceReport,
  storageConformance,
  storageConformanceCases,
  type TestRunner,
} from './run.js'
export {
  type CaseContext,
  runStorageCase,
  type StorageCapability,
  type StorageCase,
  type StorageFactory,
  type StorageLacks,
  type StorageUnderTest,
} from './storage-conformance.js'
