/** Lower case, without accents, one space between words: what intents and slots are looked for in. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/g, ' ').trim()
}

/** "A", "A y B", "A, B y C". */
export function enumerate(items: readonly string[], conjunction = 'y'): string {
  const last = items.at(-1)
  if (last === undefined) return ''
  return items.length === 1 ? last : `${items.slice(0, -1).join(', ')} ${conjunction} ${last}`
}

/** Every word with a capital first letter; the rest as typed, so that "McGregor" stays. */
export function capitalise(name: string): string {
  return name.replace(/(^|[\s'-])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())
}

/** Up to one typing mistake apart: a letter changed, left out, added, or swapped with its neighbour. */
export function almostEqual(a: string, b: string): boolean {
  if (a === b) return true
  if (Math.abs(a.length - b.length) > 1) return false
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  const restOf = (text: string, from: number) => text.slice(from)
  if (a.length !== b.length) {
    const [longer, shorter] = a.length > b.length ? [a, b] : [b, a]
    return restOf(longer, at + 1) === restOf(shorter, at)
  }
  const swapped = a[at] === b[at + 1] && a[at + 1] === b[at] && restOf(a, at + 2) === restOf(b, at + 2)
  return swapped || restOf(a, at + 1) === restOf(b, at + 1)
}

/** Parts of a text, with a space between them; what is absent or empty is left out. */
export function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

/** Whether somebody asks. */
export function isQuestion(text: string): boolean {
  return /[?¿]/.test(text)
}
