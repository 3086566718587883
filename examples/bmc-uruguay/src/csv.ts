/** Characters that make a spreadsheet run a cell instead of showing it. */
const RUNS = /^[=+\-@\t\r]/

/** One line of CSV (RFC 4180) with its end. Text that a spreadsheet would run as a formula gets an apostrophe. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(text: string): string {
  const harmless = RUNS.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/**
 * The cells of a CSV text, line by line. A byte-order mark and empty lines are skipped.
 * @throws Error when a quote is left open: then the file was cut off, and appending would make it worse.
 */
export function parseCsv(text: string): string[][] {
  const source = text.replace(/^\uFEFF/, '')
  const lines: string[][] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  const endCell = () => {
    cells.push(cell)
    cell = ''
  }
  const endLine = () => {
    endCell()
    if (cells.length > 1 || cells[0] !== '') lines.push(cells)
    cells = []
  }
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at)
    if (quoted) {
      if (char !== '"') cell += char
      else if (source.charAt(at + 1) === '"') cell += source.charAt(at++)
      else quoted = false
    } else if (char === '"' && cell === '') quoted = true
    else if (char === ',') endCell()
    else if (char === '\n') endLine()
    else if (char !== '\r') cell += char
  }
  if (quoted) throw new Error('the CSV ends inside a quoted cell; restore it from a copy')
  if (cell !== '' || cells.length > 0) endLine()
  return lines
}
