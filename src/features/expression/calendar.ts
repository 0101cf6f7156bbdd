/** Days and clocks, on milliseconds since 1970, UTC. Years from 1 to 9999; what lies outside is null. */

const dayMs = 86_400_000
const [from, to] = [-62_135_596_800_000, 253_402_300_799_999]

/** The instant, or null outside of the calendar. */
export const within = (ms: number): number | null => (ms >= from && ms <= to ? ms : null)

export const dayOf = (ms: number): number => Math.floor(ms / dayMs) * dayMs

const at = (year: number, month: number, day: number): number => new Date(0).setUTCFullYear(year, month, day)

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * Reads ISO 8601. What has no zone is UTC; digits behind milliseconds are cut off. Null for what is no instant.
 */
export function parseInstant(text: string): number | null {
  const found = iso.exec(text)
  if (!found) return null
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = found
  const date = at(Number(year), Number(month) - 1, Number(day))
  const isDay = new Date(date).getUTCDate() === Number(day) && Number(month) >= 1 && Number(month) <= 12
  if (!isDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  const clock = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000
  return within(date + clock + Number(fraction.padEnd(3, '0').slice(0, 3)) - offsetOf(zone))
}

function offsetOf(zone: string): number {
  if (zone === 'Z') return 0
  const digits = zone.slice(1).replace(':', '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0)
  return minutes * (zone.startsWith('-') ? -60_000 : 60_000)
}

/** The day of an instant as it is written, whatever its zone. */
export const parseDay = (text: string): number | null =>
  parseInstant(text) === null ? null : parseInstant(text.slice(0, 10))

export const showDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const showInstant = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.\d*?)0*Z$/, '$1')
    .replace(/\.$/, '')

const isoWeekday = (date: Date): number => date.getUTCDay() || 7
const yearDay = (date: Date): number => (dayOf(date.getTime()) - at(date.getUTCFullYear(), 0, 1)) / dayMs + 1

/** The week that has the year's first Thursday is its first [ISO 8601]. */
function isoWeek(date: Date): number {
  const thursday = new Date(dayOf(date.getTime()) + (4 - isoWeekday(date)) * dayMs)
  return Math.floor((yearDay(thursday) - 1) / 7) + 1
}

/** Whole numbers that are read off an instant. */
export const parts: Readonly<Record<string, (date: Date) => number>> = {
  year: date => date.getUTCFullYear(),
  quarter: date => Math.floor(date.getUTCMonth() / 3) + 1,
  month: date => date.getUTCMonth() + 1,
  week: isoWeek,
  day: date => date.getUTCDate(),
  dayofyear: yearDay,
  dayofweek: date => date.getUTCDay(),
  isodow: isoWeekday,
  hour: date => date.getUTCHours(),
  minute: date => date.getUTCMinutes(),
  second: date => date.getUTCSeconds(),
}

const quarter = (date: Date): number => Math.floor(date.getUTCMonth() / 3) * 3

/** The beginning of what an instant lies in. */
export const beginnings: Readonly<Record<string, (ms: number) => number>> = {
  year: ms => at(new Date(ms).getUTCFullYear(), 0, 1),
  quarter: ms => at(new Date(ms).getUTCFullYear(), quarter(new Date(ms)), 1),
  month: ms => at(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth(), 1),
  week: ms => dayOf(ms) - (isoWeekday(new Date(ms)) - 1) * dayMs,
  day: dayOf,
  hour: ms => Math.floor(ms / 3_600_000) * 3_600_000,
  minute: ms => Math.floor(ms / 60_000) * 60_000,
  second: ms => Math.floor(ms / 1_000) * 1_000,
}

/** How many beginnings of a unit lie between the year 1970 and an instant. */
export const counts: Readonly<Record<string, (ms: number) => number>> = {
  year: ms => new Date(ms).getUTCFullYear(),
  quarter: ms => new Date(ms).getUTCFullYear() * 4 + quarter(new Date(ms)) / 3,
  month: ms => new Date(ms).getUTCFullYear() * 12 + new Date(ms).getUTCMonth(),
  day: ms => Math.floor(ms / dayMs),
  hour: ms => Math.floor(ms / 3_600_000),
  minute: ms => Math.floor(ms / 60_000),
  second: ms => Math.floor(ms / 1_000),
  millisecond: ms => ms,
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** Throws `RangeError` for a zone that nobody knows. */
export function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone)
  if (!clock) {
    const [year, others] = ['numeric', '2-digit'] as const
    const fields = { year, month: others, day: others, hour: others, minute: others, second: others }
    clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', era: 'short', ...fields })
    clocks.set(zone, clock)
  }
  return clock
}

/** Zones have moved by whole quarters of an hour since then: an offset holds to the end of its quarter. */
const steadySince = Date.UTC(1980, 0, 1)
const quarterHour = 900_000
const offsets = new Map<string, number>()
const offsetsMax = 20_000

/** What a clock in the zone shows, as an instant of UTC. */
export function localTime(ms: number, zone: string): number | null {
  if (ms < steadySince) return within(ms + measuredOffset(ms, zone))
  const key = `${zone} ${Math.floor(ms / quarterHour)}`
  let offset = offsets.get(key)
  if (offset === undefined) {
    if (offsets.size >= offsetsMax) offsets.clear()
    offsets.set(key, (offset = measuredOffset(ms, zone)))
  }
  return within(ms + offset)
}

function measuredOffset(ms: number, zone: string): number {
  const shown = Object.fromEntries(
    clockOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, value]),
  )
  const year = Number(shown['year']) * (shown['era'] === 'BC' ? -1 : 1)
  const date = at(year, Number(shown['month']) - 1, Number(shown['day']))
  const clock = ((Number(shown['hour']) * 60 + Number(shown['minute'])) * 60 + Number(shown['second'])) * 1_000
  return date + clock - Math.floor(ms / 1_000) * 1_000
}
