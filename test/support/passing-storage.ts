import type { Storage } from '../../src/storage/storage.js'

/** A storage that passes everything on, for tests that do something of their own in between: spread it, and put a member over it. */
export function passing(inner: Storage): Storage {
  return {
    name: inner.name,
    durable: inner.durable,
    outcomeAlwaysKnown: inner.outcomeAlwaysKnown,
    open: (schema) => inner.open(schema),
    read: (keys) => inner.read(keys),
    query: (index, query) => inner.query(index, query),
    count: (index, range) => inner.count(index, range),
    commit: (sets) => inner.commit(sets),
    close: () => inner.close(),
  }
}
