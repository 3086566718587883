import { defineConfig } from 'vitest/config'

/** Tests of what users get: the built files, the packed tarball, an empty application that installs it. */
export default defineConfig({
  test: {
    include: ['test/dist/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
})
