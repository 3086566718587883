import type { Clock } from './clock.js'

/** What `work` comes to, if it does within `limitMs`; it is not stopped, only waited for no longer. @throws TimeoutError */
export function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(
      () => reject(new DOMException(`It took longer than ${limitMs} ms.`, 'TimeoutError')),
      limitMs,
    )
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
