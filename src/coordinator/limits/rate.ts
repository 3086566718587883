/** Permits to start: a {@link StartWindow} of one node, or a {@link SharedRate} over all. All times are monotonic milliseconds. */
export interface Rate {
  /** Whether permits must be asked for: then that happens only when something waits for one. */
  readonly isShared: boolean
  /** When one more may start: `now` if at once, Infinity if that is not known yet. */
  opensAt(now: number): number
  /** Takes a permit; only after `opensAt` said so. */
  take(): void
  /** Whether what a permit was taken for may still start. */
  mayStart(now: number): boolean
  /** What a permit was taken for starts now. */
  started(now: number): void
  /** What a permit was taken for never started. */
  untake(): void
  stop(): void
}
