/** One row of a chart: a name and a value for each panel. */
export interface BarRow {
  readonly name: string
  readonly values: readonly number[]
}

/** A chart of horizontal bars: panels side by side that share the rows, each with a scale of its own from 0. */
export interface BarChart {
  readonly title: string
  readonly subtitle: string
  readonly panels: readonly { readonly title: string; readonly text: (value: number) => string }[]
  readonly rows: readonly BarRow[]
}

const ROW = 26
const BAR = 15
const TOP = 86
const NAMES = 170
const PANEL = 200
const GAP = 70
const COLOURS = ['#4c78a8', '#e07b39', '#a04a6b']

/** The chart as SVG that stands by itself: it is shown as an image, where no style reaches it. */
export function barChart({ title, subtitle, panels, rows }: BarChart): string {
  const width = NAMES + panels.length * (PANEL + GAP)
  const height = TOP + rows.length * ROW + 14
  const font = 'font-family="system-ui, sans-serif"'
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${font} font-size="13" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="14" y="26" font-size="16" font-weight="600" fill="#222222">${escaped(title)}</text>`,
    `<text x="14" y="46" fill="#666666">${escaped(subtitle)}</text>`,
    ...rows.map(({ name }, row) => `<text x="14" y="${baseline(row)}" fill="#222222">${escaped(name)}</text>`),
    ...panels.flatMap((panel, index) => panelLines(panel, index, rows)),
    '</svg>',
  ]
  return `${lines.join('\n')}\n`
}

function panelLines({ title, text }: BarChart['panels'][number], index: number, rows: readonly BarRow[]): string[] {
  const x = NAMES + index * (PANEL + GAP)
  const most = Math.max(Number.MIN_VALUE, ...rows.map(({ values }) => values[index] ?? 0))
  return [
    `<text x="${x}" y="${TOP - 14}" fill="#666666">${escaped(title)}</text>`,
    ...rows.flatMap(({ values }, row) => {
      const value = values[index] ?? 0
      const length = Math.max(1, Math.round((PANEL * value) / most))
      const bar = `<rect x="${x}" y="${baseline(row) - 12}" width="${length}" height="${BAR}" fill="${COLOURS[index % COLOURS.length]}"/>`
      return [bar, `<text x="${x + length + 6}" y="${baseline(row)}" fill="#222222">${escaped(text(value))}</text>`]
    }),
  ]
}

function baseline(row: number): number {
  return TOP + row * ROW + 14
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
