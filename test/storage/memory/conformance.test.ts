import { describe, it } from 'vitest'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'

describe('memory storage', () => {
  storageConformance(
    {
      create: async () => {
        const storage = memoryStorage()
        return { storage, reopen: async () => storage, dispose: async () => {} }
      },
    },
    { describe, it },
  )
})
