import { describe, expect, it } from 'vitest'
import { blocksOf } from '../../scripts/doc-blocks.js'

const page = (text: string) => blocksOf('page.md', text)

describe('code blocks of the guides', () => {
  it('are found with the line where they begin', () => {
    expect(page('# A\n\n```ts\nconst a = 1\n```\n')).toEqual([
      { page: 'page.md', line: 4, code: 'const a = 1', run: false },
    ])
  })

  it('of other languages are left alone, and so is their content', () => {
    expect(page('```sh\nnpm test\n```\n\n```text\nts run\n```\n')).toEqual([])
  })

  it('say with `run` that they are programs', () => {
    expect(page('```ts run\nconsole.log(1)\n```')[0]?.run).toBe(true)
  })

  it('lose the indent of the list that they stand in', () => {
    expect(page('- a\n  ```ts\n  const a = 1\n    + 2\n  ```')[0]?.code).toBe('const a = 1\n  + 2')
  })

  it('may continue the one before, and keep their own line numbers', () => {
    const [, second] = page('```ts\nconst a = 1\n```\ntext\n```ts continues\nconst b = a\n```')
    expect(second?.code).toBe('const a = 1\nconst b = a')
    // The second line of the code is line 6 of the page.
    expect((second?.line ?? 0) + 1).toBe(6)
  })

  it('none on a page without code', () => {
    expect(page('# Nothing')).toEqual([])
  })
})
