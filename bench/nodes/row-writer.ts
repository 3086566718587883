/** One process that writes raw rows to the SQLite file that its argument names, when its parent says which. */
import { openRawRows } from '../peers/raw-rows.js'

/** Which rows to write. */
export interface RowOrder {
  readonly first: number
  readonly count: number
}

const { driver, write } = await openRawRows(String(process.argv[2]))
process.on('message', ({ first, count }: RowOrder) => {
  write(first, count)
  process.send?.(driver)
})
process.once('disconnect', () => process.exit())
process.send?.(driver)
