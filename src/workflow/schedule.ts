import { Cron } from 'croner'
import { durationMs } from '#kernel/duration.ts'
import { nextCalendarTime, type Rhythm } from '#project'

/** The next local time after that one, both in milliseconds and counted as if they were UTC; undefined when it is over. */
type NextLocal = (local: number) => number | undefined
type Instant = Temporal.Instant

/** A tick that is later than this was missed: no server was there for it. */
const lateMs = 60_000
const missedMaxDefault = 10

/**
 * The first instant after `at`, or undefined when the schedule is over.
 *
 * A schedule names local times. One that a change of clocks skips fires at the end of the gap, together with all that
 * are skipped with it, once; one that is repeated fires the first time. A schedule whose hour is `*` goes on through
 * such a change: it fires at every instant whose local time it names.
 */
export function nextInstant(rhythm: Rhythm, at: number): number | undefined {
  if (rhythm.on === 'interval') {
    const every = durationMs(rhythm.every)
    return (Math.floor(at / every) + 1) * every
  }
  const after = Temporal.Instant.fromEpochMilliseconds(at)
  if (rhythm.on === 'calendar') return nextNamed(local => nextCalendarTime(rhythm, local), rhythm.timeZone, after)
  const next = byCron(rhythm.cron)
  return isHourly(rhythm.cron) ? nextElapsed(next, rhythm.timeZone, after) : nextNamed(next, rhythm.timeZone, after)
}

/** Instants in `(after, until]`, oldest first: the last `max` of them. */
export function lastInstants(
  rhythm: Rhythm,
  { after, until, max }: { after: number; until: number; max: number },
): readonly number[] {
  // Looks back over twice as much until there is enough: years of minutes are never walked through.
  for (let spanMs = lateMs; ; spanMs *= 2) {
    const from = Math.max(after, until - spanMs)
    const found = instantsBetween(rhythm, from, until)
    if (found.length >= max || from === after) return found.slice(-max)
  }
}

/** Instants in `[from, to]`, oldest first: the first `max` of them. */
export function instantsFrom(rhythm: Rhythm, { from, to, max }: { from: number; to: number; max: number }): number[] {
  const found: number[] = []
  let at = nextInstant(rhythm, from - 1)
  for (; at !== undefined && at <= to && found.length < max; at = nextInstant(rhythm, at)) found.push(at)
  return found
}

/** Which of the ticks from `nextAt` to `now` are to be fired, by the trigger's policy for missed ones. */
export function dueInstants(rhythm: Rhythm, nextAt: number, now: number): readonly number[] {
  const max = rhythm.missed === 'all' ? (rhythm.missedMax ?? missedMaxDefault) : 1
  const due = lastInstants(rhythm, { after: nextAt - 1, until: now, max })
  return rhythm.missed === 'skip' ? due.filter(instant => now - instant <= lateMs) : due
}

function instantsBetween(rhythm: Rhythm, after: number, until: number): readonly number[] {
  const found: number[] = []
  for (let at = nextInstant(rhythm, after); at !== undefined && at <= until; at = nextInstant(rhythm, at))
    found.push(at)
  return found
}

function byCron(expression: string): NextLocal {
  const cron = new Cron(expression, { timezone: 'UTC', paused: true })
  return local => cron.nextRun(new Date(local))?.getTime()
}

/** The hour is the third field from the right of minute, hour, day, month, weekday, with or without seconds. */
const isHourly = (cron: string): boolean => cron.startsWith('@hourly') || cron.trim().split(/\s+/).at(-4) === '*'

/** The next local time, at the instant when the clocks there first show it. */
function nextNamed(next: NextLocal, timeZone: string, after: Instant): number | undefined {
  let local: number | undefined = localOf(after, timeZone)
  for (;;) {
    local = next(local)
    if (local === undefined) return undefined
    const instant = firstShown(local, timeZone)
    if (instant > after.epochMilliseconds) return instant
  }
}

function firstShown(local: number, timeZone: string): number {
  const wanted = plain(local)
  const earlier = wanted.toZonedDateTime(timeZone, { disambiguation: 'earlier' })
  if (earlier.toPlainDateTime().equals(wanted)) return earlier.epochMilliseconds
  return earlier.getTimeZoneTransition('next')!.epochMilliseconds
}

/** The next instant that shows one of the local times. */
function nextElapsed(next: NextLocal, timeZone: string, after: Instant): number | undefined {
  const local = localOf(after, timeZone)
  const following = next(local)
  if (following === undefined) return undefined
  const instant = after.epochMilliseconds + (following - local)
  const change = after.toZonedDateTimeISO(timeZone).getTimeZoneTransition('next')
  if (!change || instant < change.epochMilliseconds) return instant
  const shown = localOf(change.toInstant(), timeZone)
  if (next(shown - 1_000) === shown) return change.epochMilliseconds
  return nextElapsed(next, timeZone, change.toInstant())
}

/** What clocks show, counted as if they showed UTC. */
function localOf(instant: Instant, timeZone: string): number {
  return instant.toZonedDateTimeISO(timeZone).toPlainDateTime().toZonedDateTime('UTC').epochMilliseconds
}

const plain = (local: number): Temporal.PlainDateTime =>
  Temporal.Instant.fromEpochMilliseconds(local).toZonedDateTimeISO('UTC').toPlainDateTime()
