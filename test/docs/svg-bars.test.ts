import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { docPages } from '../../scripts/doc-blocks.js'
import { root } from '../../scripts/entry-points.js'
import { barChart } from '../../scripts/svg-bars.js'

const chart = {
  title: 'Waits & <sees>',
  subtitle: 'less is more',
  panels: [
    { title: 'p50', text: (value: number) => `${value} s` },
    { title: 'p99', text: (value: number) => `${value} s` },
  ],
  rows: [
    { name: 'round_robin', values: [1, 8] },
    { name: 'peak_ewma', values: [0.5, 2] },
    { name: 'none', values: [0, 0] },
  ],
}

describe('bar charts', () => {
  it('have a bar for each value, in proportion within their panel', () => {
    const bars = [...barChart(chart).matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="15"/g)]
    expect(bars.map(([, x]) => Number(x))).toEqual([170, 170, 170, 440, 440, 440])
    expect(bars.map(([, , , width]) => Number(width))).toEqual([200, 100, 1, 200, 50, 1])
    expect(bars[0]?.[2]).toBe(bars[3]?.[2])
  })

  it('are whole documents with their text escaped', () => {
    const svg = barChart(chart)
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<\/svg>\n$/s)
    expect(svg).toContain('Waits &amp; &lt;sees&gt;')
    expect(svg).toContain('>0.5 s</text>')
  })
})

describe('images of the guides', () => {
  it('exist, and stand by themselves', () => {
    const images = docPages().flatMap((page) =>
      [...readFileSync(`${root}/${page}`, 'utf8').matchAll(/!\[[^\]]+\]\((assets\/[^)]+)\)/g)].map(([, path]) => path),
    )
    expect(images.length).toBeGreaterThanOrEqual(4)
    for (const image of images) {
      const path = `${root}/docs/${image}`
      expect(existsSync(path) && readFileSync(path, 'utf8').startsWith('<svg ')).toBe(true)
    }
  })
})
