/** Where batuta writes what it notices. pino and `console` fit as they are. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

/** Says nothing: the default. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** The same logger, whose failures harm nobody: where it would be reported there is nobody left to tell. */
export function guardedLogger(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger): Logger['debug'] =>
    (fields, message) => {
      try {
        logger[level](fields, message)
      } catch {
        // What it had to say is lost; the work that it was about goes on.
      }
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}
