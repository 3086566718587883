/**
 * A text from which readers take what they understand. What was taken can't be read twice: the 150 of "150mm" is a
 * thickness and not also a length, and what nobody took is still there for the last reader.
 */
export class Scanner {
  #rest: string

  constructor(text: string) {
    this.#rest = text
  }

  /** What nobody has taken yet. */
  get rest(): string {
    return this.#rest
  }

  /** Takes the first match out of the text. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.#rest)
    if (match === null) return undefined
    // A bar, so that the words on both sides don't become neighbours.
    this.#rest = `${this.#rest.slice(0, match.index)} | ${this.#rest.slice(match.index + match[0].length)}`
    return match
  }

  /** Takes every match out of the text, in order. The pattern must not match the empty text. */
  takeAll(pattern: RegExp): RegExpExecArray[] {
    const matches: RegExpExecArray[] = []
    for (let match = this.take(pattern); match !== undefined; match = this.take(pattern)) matches.push(match)
    return matches
  }
}
