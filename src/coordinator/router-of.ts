import type { BatutaError } from '../errors/base-error.js'
import { Router } from '../router/router.js'
import type { EventHub } from './event-hub.js'
import type { ResolvedOptions } from './options/resolve-options.js'

/** A router with the application's clock and randomness, that tells of strategies that break. */
export function routerOf(
  { router, random, clock, settings, recordDecisions }: ResolvedOptions,
  events: EventHub,
): Router {
  if (router instanceof Router) return router
  const onError = (error: BatutaError) =>
    events.emit('routing:fallback', { strategy: (error.data as { readonly strategy: string }).strategy, error })
  return new Router({ strategy: router, random, clock, keepDecisions: settings.decisions, recordDecisions, onError })
}
