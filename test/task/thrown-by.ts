import { isBatutaError } from '../../src/errors/base-error.js'

/** What was thrown: its code, and where in the options. */
export function thrownBy(fn: () => unknown): { code: string; paths: string[]; message: string } {
  try {
    fn()
  } catch (error) {
    if (!isBatutaError(error)) throw error
    const { issues = [] } = error.data as { issues?: { path: (string | number)[] }[] }
    return { code: error.code, paths: issues.map(({ path }) => path.join('.')), message: error.message }
  }
  throw new Error('nothing was thrown')
}
