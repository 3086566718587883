/**
 * A telephone number as E.164 (`+59894000001`), from what people write: with or without country code, leading zero,
 * spaces, dots and dashes. Numbers without a country code are Uruguayan. Nothing when it can't be a number.
 */
export function normalisePhone(written: string): string | undefined {
  if (!/^[\s\d+().-]+$/.test(written) || written.lastIndexOf('+') > written.indexOf('+')) return undefined
  const compact = written.replace(/[\s().-]/g, '').replace(/^00/, '+')
  if (compact.startsWith('+')) {
    // "+598 (0)94 …": the zero is for calls inside the country only.
    const international = compact.replace(/^\+5980/, '+598')
    if (international.startsWith('+598')) return /^\+598\d{8}$/.test(international) ? international : undefined
    return /^\+[1-9]\d{7,14}$/.test(international) ? international : undefined
  }
  if (/^598\d{8}$/.test(compact)) return `+${compact}`
  const national = compact.replace(/^0/, '')
  return /^[2-9]\d{7}$/.test(national) ? `+598${national}` : undefined
}

/** The last eight digits: what two spellings of one number have in common. */
export function phoneKey(phone: string): string {
  return phone.replace(/\D/g, '').slice(-8)
}

/** The way the sales team writes it: `094 000 001`, `2900 0001`; a foreign number as it is, with `00` for the plus. */
export function displayPhone(phone: string): string {
  const national = /^\+598(\d{8})$/.exec(phone)?.[1]
  if (national === undefined) return phone.replace(/^\+/, '00')
  return national.startsWith('9')
    ? `0${national.slice(0, 2)} ${national.slice(2, 5)} ${national.slice(5)}`
    : `${national.slice(0, 4)} ${national.slice(4)}`
}

/** For logs: enough to tell two customers apart, too little to call one. */
export function maskPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '')
  return digits.length < 6 ? '•••' : `•••${digits.slice(-3)}`
}
