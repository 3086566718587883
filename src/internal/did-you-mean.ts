/** Names longer than this are not compared: nobody mistypes them, and the comparison is quadratic. */
const MAX_LENGTH = 64

/**
 * The known name that somebody most likely meant, or nothing when none is near. Near means: at most a third of the
 * letters differ (one at least), by optimal string alignment distance (insert, delete, replace, swap two neighbours),
 * upper and lower case and separators counting as equal, with or without a unit (`ttl` is near `ttlMs`).
 */
export function suggest(name: string, known: Iterable<string>): string | undefined {
  const length = plain(name).length
  if (length === 0 || length > MAX_LENGTH) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(length / 3)) + 1
  for (const candidate of known) {
    if (candidate === name) continue
    for (const unit of ['', /Ms$/]) {
      const wanted = plain(name.replace(unit, ''))
      const text = plain(candidate.replace(unit, ''))
      if (Math.abs(text.length - wanted.length) >= bestDistance) continue
      const distance = alignmentDistance(wanted, text)
      if (distance < bestDistance && distance < text.length) {
        best = candidate
        bestDistance = distance
      }
    }
  }
  return best
}

/** ` Did you mean "x"?`, or nothing: made to stand at the end of a sentence. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = suggest(name, known)
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_\-.]/g, '')
}

/** Optimal string alignment distance, row by row. */
function alignmentDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
