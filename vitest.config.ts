import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests and the example import the package by the name its users know; here that name means the sources.
    alias: [
      { find: /^batuta$/, replacement: source('index.ts') },
      { find: /^batuta\/testing$/, replacement: source('testing/index.ts') },
      { find: /^batuta\/storage\/sqlite$/, replacement: source('storage/sqlite/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    typecheck: { enabled: false },
    testTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'json-summary'] },
  },
})
