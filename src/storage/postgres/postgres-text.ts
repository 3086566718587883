/**
 * Texts of PostgreSQL hold every character but U+0000. U+0001 stands before what replaces it, and before itself, so that
 * the order of the bytes stays.
 */
export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these two are what has to be found.
  return /[\u0000\u0001]/.test(text) ? text.replaceAll('\u0001', '\u0001\u0003').replaceAll('\0', '\u0001\u0002') : text
}

/** The text that {@link escapeText} was given. */
export function unescapeText(text: string): string {
  return text.includes('\u0001') ? text.replaceAll('\u0001\u0002', '\0').replaceAll('\u0001\u0003', '\u0001') : text
}
