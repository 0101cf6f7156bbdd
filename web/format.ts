/** Numbers and times as people read them. Pure: `now` and the locale are given. */

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** Whether an instant was said: clients that say none write zero, or count from there. */
export const isSaid = (at: number): boolean => at >= day

/** `4 s`, `12 min`, `3 h`, `9 d`: one unit, rounded down, so that nothing seems older than it is. */
export function age(ms: number): string {
  if (ms < minute) return `${Math.max(0, Math.floor(ms / second))} s`
  if (ms < hour) return `${Math.floor(ms / minute)} min`
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`
  return `${Math.floor(ms / day)} d`
}

/** How long something took: `640 ms`, `8.2 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < second) return `${Math.round(ms)} ms`
  if (ms < minute) return `${(ms / second).toFixed(1)} s`
  if (ms < hour)
    return `${Math.floor(ms / minute)} min ${String(Math.floor((ms % minute) / second)).padStart(2, '0')} s`
  return `${Math.floor(ms / hour)} h ${String(Math.floor((ms % hour) / minute)).padStart(2, '0')} min`
}

/** A latency that is counted in buckets, so that it is known to 15 %: `≈ 1.2 ms`. */
export const latency = (ms: number | undefined): string =>
  ms === undefined ? '–' : `≈ ${number(Number(ms.toPrecision(2)))} ms`

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`
  const power = Math.min(4, Math.floor(Math.log10(count) / 3))
  return `${(count / 1_000 ** power).toPrecision(3)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]!}`
}

const grouped = new Intl.NumberFormat('en-GB')

/** Integers grouped, others to four significant digits; a true minus. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value < 0) return `−${number(-value)}`
  if (Number.isInteger(value)) return grouped.format(value).replaceAll(',', '\u202f')
  if (value >= 10_000 || value < 0.000_1) return value.toExponential(2)
  return String(Number(value.toPrecision(4)))
}

/** With a sign, and a true minus. */
export const signed = (value: number): string => `${value > 0 ? '+' : value < 0 ? '−' : ''}${number(Math.abs(value))}`

export const percent = (share: number, digits = 0): string => `${(share * 100).toFixed(digits)} %`

const dayText = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
const dayShort = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const instantText = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const dayClockText = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const clockText = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** A calendar day in UTC, as event time is. */
export const dayOf = (at: number): string => dayText.format(at)
export const dayAndMonthOf = (at: number): string => dayShort.format(at)
/** A span with both its ends, as whole days of UTC where it is of such. */
export const spanOf = (from: number, to: number): string => {
  const isOfDays = from % day === 0 && (to + 1) % day === 0
  return isOfDays ? `${dayOf(from)} to ${dayOf(to)}` : `${instant(from)} to ${instant(to)}`
}
/** An instant of event time, in UTC: the day alone when it is midnight, as it is for daily data. */
export const eventTimeOf = (at: number): string =>
  at % day === 0 ? dayOf(at) : `${dayOf(at)}, ${new Date(at).toISOString().slice(11, 16)}`
/** An instant in the reader's own zone. */
export const instant = (at: number): string => instantText.format(at)
export const clockOf = (at: number): string => clockText.format(at)
/** For the ticks of an axis that is days long. */
export const dayAndClockOf = (at: number): string => dayClockText.format(at)

/** Enough of an id or digest to tell it from its neighbours: `run_…b8f2c1`. */
export function shortId(id: string): string {
  if (/^[0-9a-f]{40,64}$/.test(id)) return id.slice(0, 10)
  const cut = id.indexOf('_')
  return cut < 0 || id.length <= 18 ? id : `${id.slice(0, cut)}_…${id.slice(-6)}`
}

/** An id inside a text. */
export const idInText = /([a-z]{3}_[0-9a-f]{8}-[0-9a-f-]{27})/

/** A text of the server for a narrow place: ids that stand in brackets go, others are cut; a number keeps its unit. */
export const withoutIds = (text: string): string =>
  text
    .replaceAll(new RegExp(` ?\\(${idInText.source}\\)`, 'g'), '')
    .replaceAll(new RegExp(idInText, 'g'), shortId)
    .replaceAll(' %', '\u00a0%')

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`

/** Any JSON value on one line. */
export const inline = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? number(value) : (JSON.stringify(value) ?? '')
