/**
 * Keeps a copy of the built package for the tests of rolling upgrades: `npm run keep-build`, of what is released, and again when
 * the layout number was raised. One compressed module with all that the package needs at run time, so that it stays as it was
 * when dependencies move on; the drivers of databases are given to it live.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { entryPoints, root } from './entry-points.js'

const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
const built = entryPoints().filter(({ specifier }) => /^batuta(\/storage\/.*)?$/.test(specifier))
const { outputFiles } = await build({
  stdin: { contents: built.map(({ dist }) => `export * from './${dist}'`).join('\n'), resolveDir: root },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['better-sqlite3', 'ioredis', 'mongodb', 'pg'],
  // Names stay: stack traces can be read, and a test finds the layout number.
  minifyWhitespace: true,
  legalComments: 'eof',
  write: false,
  logLevel: 'error',
})
const bytes = gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 })
const path = `test/nodes/kept/batuta-${version}.mjs.gz`
writeFileSync(`${root}/${path}`, bytes)
console.log(`${path}: ${(bytes.length / 1024).toFixed(0)} KB`)
