/**
 * What users hold on to: names, codes and events. A change here is a change of the contract: check that it is meant,
 * say it in CHANGELOG.md, and update the lists with `npx vitest run test/pins -u`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { entryPoints, root } from '../../scripts/entry-points.js'
import { ERRORS_PAGE, errorCodes, errorsPage } from '../../scripts/errors-doc.js'
import { eventNames, exportedNames } from './declared-names.js'

describe('entry points', () => {
  it.each(entryPoints())('$specifier exports what it did', async ({ specifier, source }) => {
    await expect(exportedNames(source)).toMatchFileSnapshot(`./lists/${specifier.replaceAll('/', '.')}.exports.txt`)
  })

  it('the files that can not read package.json name the same ones', () => {
    const json = (name: string) => JSON.parse(readFileSync(`${root}/${name}`, 'utf8'))
    const sources = entryPoints().map((entry) => entry.source)
    expect(json('typedoc.json').entryPoints).toEqual(sources)
    expect(json('tsconfig.json').compilerOptions.paths).toEqual(
      Object.fromEntries(entryPoints().map(({ specifier, source }) => [specifier, [`./${source}`]])),
    )
  })

  it('every one has its source', () => {
    expect(entryPoints().filter(({ source }) => !existsSync(`${root}/${source}`))).toEqual([])
  })
})

describe('errors', () => {
  it('codes stay', async () => {
    const codes = errorCodes().map(({ code }) => code)
    await expect(`${codes.sort().join('\n')}\n`).toMatchFileSnapshot('./lists/error-codes.txt')
  })

  it('every code says its cause in one or a few sentences', () => {
    expect(errorCodes().filter(({ cause }) => !/^[A-Z`].*\.$/s.test(cause))).toEqual([])
  })

  it('docs/errors.md is current; `npm run docs:errors` makes it so', () => {
    expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage())
  })
})

describe('events', () => {
  it('names stay', async () => {
    await expect(eventNames('src/task/events.ts')).toMatchFileSnapshot('./lists/event-names.txt')
  })
})
