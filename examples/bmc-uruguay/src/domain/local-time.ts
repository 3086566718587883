/** Where the business is. */
export const TIME_ZONE = 'America/Montevideo'

const HOUR_MS = 3_600_000

/** A moment on the wall clock of a time zone. Months from 1. */
export interface LocalTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const formatter = new Intl.DateTimeFormat('en-US', {
  timeZone: TIME_ZONE,
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
})

/** What the clock on the wall says in Montevideo. */
export function localTimeOf(at: Date): LocalTime {
  const parts = new Map(formatter.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const part = (type: string) => parts.get(type as Intl.DateTimeFormatPartTypes) ?? 0
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  }
}

/**
 * The moment at which the wall in Montevideo says `hour:00` on the day `days` after that of `at`. Right also when the
 * clocks were changed in between.
 */
export function atLocalHour(at: Date, days: number, hour: number): Date {
  const { year, month, day } = localTimeOf(at)
  const asUtcMs = Date.UTC(year, month - 1, day + days, hour)
  let guessMs = asUtcMs
  // The offset at the guess may differ from the one at the answer, so it is asked twice.
  for (let round = 0; round < 2; round++) guessMs = asUtcMs - offsetMsAt(new Date(guessMs))
  return new Date(guessMs)
}

/** `dd-mm`, as in the sheet. */
export function dayAndMonth(at: Date): string {
  const { day, month } = localTimeOf(at)
  return `${pad(day)}-${pad(month)}`
}

/** `dd/mm/yyyy`. */
export function longDate(at: Date): string {
  const { day, month, year } = localTimeOf(at)
  return `${pad(day)}/${pad(month)}/${year}`
}

/** A number with two digits. */
export function pad(value: number): string {
  return String(value).padStart(2, '0')
}

function offsetMsAt(at: Date): number {
  const { year, month, day, hour, minute, second } = localTimeOf(at)
  const wholeSeconds = Math.floor(at.getTime() / 1_000) * 1_000
  return Date.UTC(year, month - 1, day, hour, minute, second) - wholeSeconds
}

/** So many hours later. */
export function plusHours(at: Date, hours: number): Date {
  return new Date(at.getTime() + hours * HOUR_MS)
}
