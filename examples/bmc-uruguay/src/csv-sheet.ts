import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { csvLine, parseCsv } from './csv.js'
import { replaceFile } from './replace-file.js'
import { ADMIN_COLUMNS, type AdminRow, type QuoteSheet } from './sheet.js'

/**
 * A sheet in a local CSV file, created with its header when missing.
 *
 * A row is appended by writing the whole file anew and renaming it into place, so a crash leaves the row in or out,
 * never half. Appending looks for the row first, so a task that is tried again changes nothing. What it doesn't do is
 * hold off a second writer: tasks that append share an ordering key.
 */
export function csvSheet(path: string): QuoteSheet {
  const rows = async () => parseSheet(await readOrEmpty(path), path)
  return {
    rows,
    async append(row) {
      const present = await rows()
      const at = present.findIndex(({ Arg }) => Arg === row.Arg)
      if (at !== -1) return at + 2
      const lines = [...present, row].map((each) => csvLine(ADMIN_COLUMNS.map((column) => each[column])))
      await replaceFile(path, csvLine(ADMIN_COLUMNS) + lines.join(''))
      return present.length + 2
    },
    async check() {
      await access(dirname(path), constants.W_OK)
      await rows()
    },
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Rows by the names in the header, so that a column that somebody moved is still found. */
function parseSheet(text: string, path: string): AdminRow[] {
  const [header, ...lines] = parseCsv(text)
  if (header === undefined) return []
  const names = header.map((name) => name.trim())
  const absent = ADMIN_COLUMNS.filter((column) => !names.includes(column))
  if (absent.length > 0) throw new Error(`${path} has no column ${absent.join(', ')}; restore the header`)
  return lines.map(
    (cells) =>
      Object.fromEntries(ADMIN_COLUMNS.map((column) => [column, cells[names.indexOf(column)] ?? ''])) as AdminRow,
  )
}
