import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { root } from './entry-points.js'

/** One block of TypeScript in a page. */
export interface DocBlock {
  /** The page, relative to the root. */
  readonly page: string
  /** The line of the page on which the code begins, from 1. */
  readonly line: number
  readonly code: string
  /** The fence says `run`: the block is a program that ends by itself with exit code 0. */
  readonly run: boolean
}

/** README.md and the guides, as far as they exist. */
export function docPages(): readonly string[] {
  const guides = existsSync(`${root}/docs`) ? readdirSync(`${root}/docs`).filter((name) => name.endsWith('.md')) : []
  return ['README.md', ...guides.sort().map((name) => `docs/${name}`)].filter((page) => existsSync(`${root}/${page}`))
}

/**
 * The TypeScript blocks of a page. The word `run` after the language asks for the block to be run, `continues` puts the
 * blocks before it of the same page in front of it, so that a guide can build a program up in steps.
 */
export function blocksOf(page: string, text = readFileSync(`${root}/${page}`, 'utf8')): readonly DocBlock[] {
  const blocks: DocBlock[] = []
  let open: { indent: string; words: readonly string[]; line: number; code: string[] } | undefined
  text.split('\n').forEach((content, index) => {
    const fence = /^(\s*)```+\s*(.*)$/.exec(content)
    if (open === undefined && fence !== null) {
      open = { indent: fence[1] ?? '', words: (fence[2] ?? '').split(/\s+/), line: index + 2, code: [] }
    } else if (open !== undefined && fence !== null && fence[2] === '') {
      if (open.words[0] === 'ts' || open.words[0] === 'typescript') blocks.push(blockOf(page, open, blocks.at(-1)))
      open = undefined
    } else if (open !== undefined) {
      open.code.push(content.startsWith(open.indent) ? content.slice(open.indent.length) : content)
    }
  })
  return blocks
}

function blockOf(
  page: string,
  { words, line, code }: { words: readonly string[]; line: number; code: readonly string[] },
  before: DocBlock | undefined,
): DocBlock {
  const continues = words.includes('continues') && before !== undefined
  // Only its own lines are reported by number; what it continues was checked before it.
  const lead = continues ? `${before.code}\n` : ''
  const shift = continues ? lead.split('\n').length - 1 : 0
  return { page, line: line - shift, code: lead + code.join('\n'), run: words.includes('run') }
}
