import { defineConfig } from 'vitest/config'
import { entryPoints, root } from './scripts/entry-points.js'

export default defineConfig({
  resolve: {
    // Tests and the example import the package by the name its users know; here that name means the sources.
    alias: entryPoints().map(({ specifier, source }) => ({
      find: new RegExp(`^${specifier}$`),
      replacement: `${root}/${source}`,
    })),
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    // What is built and packed is tested by `npm run test:dist`, after a build.
    exclude: ['test/dist/**', '**/node_modules/**'],
    typecheck: { enabled: false },
    testTimeout: 20_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      // What a task turns into is decided in task/, by pure functions: no line of that stays untried.
      thresholds: { lines: 95, 'src/task/**/*.ts': { lines: 100 } },
    },
  },
})
