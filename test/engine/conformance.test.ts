import { describe, it } from 'vitest'
import { inProcessEngine } from '../../src/engine/in-process/in-process-engine.js'
import { engineConformance } from '../../src/testing/engine-conformance/index.js'

describe('in-process engine', () => {
  const create = async () => {
    const engine = inProcessEngine({ windowSize: 40 })
    return { engine, windowSize: 40, dispose: () => engine.stop({ graceMs: 0 }) }
  }
  engineConformance({ create }, { describe, it })
})
