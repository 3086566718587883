import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts', 'src/storage/sqlite/index.ts', 'src/testing/index.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  sourcemap: true,
  clean: true,
  splitting: true,
  treeshake: true,
})
