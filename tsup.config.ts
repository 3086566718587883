import { defineConfig } from 'tsup'
import { entryPoints } from './scripts/entry-points.js'

export default defineConfig({
  entry: Object.fromEntries(
    entryPoints().map((entry) => [entry.source.slice('src/'.length, -'.ts'.length), entry.source]),
  ),
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  dts: {
    compilerOptions: { ignoreDeprecations: '6.0' },
    // `await using` in the public types needs this, whatever `lib` the consumer has.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  // `node:sqlite` exists under no other name.
  removeNodeProtocol: false,
  sourcemap: true,
  clean: true,
  splitting: true,
  treeshake: true,
})
