import { BatutaError } from '../errors/base-error.js'

/**
 * Loads an optional peer dependency, or says which package is missing and how to install it.
 * @param load - the dynamic import, written where the peer is used so that bundlers see it.
 * @throws PEER_MISSING when the package is not installed; anything else that went wrong is passed on.
 */
export async function importPeer<T>(packageName: string, usedBy: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const code = (cause as { code?: unknown } | undefined)?.code
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    throw new BatutaError('PEER_MISSING', `${usedBy} needs the package "${packageName}", which is not installed.`, {
      data: { packageName },
      fix: `npm install ${packageName}`,
      cause,
    })
  }
}
