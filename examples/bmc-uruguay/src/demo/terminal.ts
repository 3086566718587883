const COLOURS = { bold: 1, dim: 2, green: 32, cyan: 36 } as const

/** Text in a colour, where the terminal shows colours. */
export function paint(colour: keyof typeof COLOURS, text: string): string {
  const plain = !process.stdout.isTTY || process.env.NO_COLOR !== undefined
  return plain ? text : `\u001B[${COLOURS[colour]}m${text}\u001B[0m`
}

/** A heading with an empty line before it. */
export function heading(text: string): void {
  console.log(`\n${paint('bold', text)}`)
}

/** Lines, indented. */
export function indented(text: string): void {
  console.log(text.replace(/^/gm, '  '))
}

/** What the customer writes. */
export function customerSays(text: string): void {
  indented(`🧑 ${paint('cyan', text)}`)
}

/** What the customer reads. */
export function customerReads(text: string): void {
  indented(`🤖 ${text.replaceAll('\n', '\n   ')}\n`)
}
