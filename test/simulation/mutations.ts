import type { Mutation } from './mutation-runner.js'

const MEMORY = 'src/storage/memory/memory-storage.ts'
const byStorageTest = { by: 'test', file: 'faulty-storage.test.ts' } as const

/** One mutation for each rule without which the system would lose, leak or double something. */
export const MUTATIONS: readonly Mutation[] = [
  {
    rule: 'A record is changed only by guarded commits',
    file: MEMORY,
    edits: [
      {
        find: 'if ((cell === undefined ? null : cell.version) !== expect) return false',
        replace: 'void expect',
      },
    ],
    detect: byStorageTest,
  },
  {
    rule: 'A set whose records already carry the versions it would leave counts as applied',
    file: MEMORY,
    edits: [
      {
        find: '      return APPLIED\n    }\n    return { applied: false',
        replace: '    }\n    return { applied: false',
      },
    ],
    detect: byStorageTest,
  },
  {
    rule: 'A storage refuses a set after its notAfter',
    file: MEMORY,
    edits: [{ find: 'now <= set.notAfter && this.#holds', replace: 'this.#holds' }],
    detect: byStorageTest,
  },
]
