/** The most that falls into any window of so many milliseconds, of any alignment: begin included, end not. */
export function mostIn(perMs: number, items: readonly { readonly at: number; readonly amount?: number }[]): number {
  let most = 0
  let sum = 0
  let first = 0
  for (const { at, amount = 1 } of items) {
    sum += amount
    for (let oldest = items[first]; oldest !== undefined && at - oldest.at >= perMs; oldest = items[++first]) {
      sum -= oldest.amount ?? 1
    }
    most = Math.max(most, sum)
  }
  return most
}
