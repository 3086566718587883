export {
  type EngineCase,
  type EngineCaseContext,
  type EngineFactory,
  type EngineTiming,
  type EngineUnderTest,
  runEngineCase,
} from './engine-conformance.js'
export { type Asked, EngineProbe } from './probe.js'
export {
  type EngineConformanceOptions,
  type EngineConformanceReport,
  engineConformance,
  engineConformanceCases,
  runEngineConformance,
} from './run.js'
