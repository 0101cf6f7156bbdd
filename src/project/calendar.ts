import { RRuleTemporal } from 'rrule-temporal'
import { messageOf } from '#kernel/error.ts'
import type { Calendar } from './trigger-spec.ts'

/** What clocks show, in milliseconds, counted as if they showed UTC. */
type Local = number

const dayMs = 86_400_000

/** The first local time of a calendar after that one, or undefined when there is none left. */
export function nextCalendarTime(calendar: Calendar, after: Local): Local | undefined {
  const isLeftOut = leavesOut(calendar)
  const dates = (calendar.dates ?? []).map(local).filter(time => time > after && !isLeftOut(time))
  const named = nextByRule(calendar, after, isLeftOut)
  const next = Math.min(named ?? Infinity, ...dates)
  return Number.isFinite(next) ? next : undefined
}

/** What is wrong with a calendar: a field of it, its value and what is allowed. */
export function calendarProblem(calendar: Calendar): { field: string; value: unknown; allowed: string } | undefined {
  const { rule, start, dates } = calendar
  if (rule === undefined && dates === undefined)
    return { field: 'rule', value: rule, allowed: 'a rule, or `dates` of its own' }
  const wrong = rule === undefined ? undefined : ruleProblem(rule)
  if (wrong !== undefined) return { field: 'rule', value: rule, allowed: wrong }
  try {
    if (nextCalendarTime(calendar, local(start) - 1) !== undefined) return undefined
  } catch (error) {
    return { field: 'rule', value: rule, allowed: `${example}; ${messageOf(error)}` }
  }
  return {
    field: rule === undefined ? 'dates' : 'rule',
    value: rule ?? dates,
    allowed: 'at least one time since `start`',
  }
}

function nextByRule({ rule, start }: Calendar, after: Local, isLeftOut: (time: Local) => boolean): Local | undefined {
  if (rule === undefined) return undefined
  const recurrence = new RRuleTemporal({ strict: true, rruleString: inUtc(rule, start) })
  for (let from = after; ;) {
    const next = nextOf(recurrence, from)
    if (next === undefined || !isLeftOut(next)) return next
    from = next
  }
}

/** A rule that names nothing in 10,000 periods (the 30th of February) is over. */
function nextOf(recurrence: RRuleTemporal, after: Local): Local | undefined {
  try {
    return recurrence.next(new Date(after))?.epochMilliseconds
  } catch (error) {
    if (messageOf(error).startsWith('Maximum iterations')) return undefined
    throw error
  }
}

const local = (text: string): Local => Date.parse(text.includes('T') ? `${text}Z` : `${text}T00:00Z`)

/** Which times `except` means: a date all of its day, a time itself. */
function leavesOut({ except = [] }: Calendar): (time: Local) => boolean {
  const days = new Set(except.filter(text => !text.includes('T')).map(local))
  const times = new Set(except.filter(text => text.includes('T')).map(local))
  return time => times.has(time) || days.has(time - (((time % dayMs) + dayMs) % dayMs))
}

/** The text of the recurrence [RFC 5545, 3.8.5], its local times written as UTC. */
function inUtc(rule: string, start: string): string {
  const basic = new Date(local(start)).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const until = rule.replace(
    /UNTIL=(\d{8})(T\d{6})?/,
    (_, day: string, time: string | undefined) => `UNTIL=${day}${time ?? 'T235959'}Z`,
  )
  return `DTSTART:${basic}\nRRULE:${until}`
}

const example = 'a recurrence of RFC 5545 such as FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'

const whole = (from: number, to: number) => (text: string) =>
  /^[+-]?\d{1,5}$/.test(text) && Number(text) >= from && Number(text) <= to
const fromEnd = (most: number) => (text: string) => whole(-most, most)(text) && Number(text) !== 0
const listOf = (one: (text: string) => boolean) => (text: string) => text.split(',').every(one)

/** The parts of a rule and what each may be [RFC 5545, 3.3.10]; what is due more often than daily is an interval. */
const parts: Readonly<Record<string, { test: (text: string) => boolean; allowed: string }>> = {
  FREQ: { test: text => /^(?:DAILY|WEEKLY|MONTHLY|YEARLY)$/.test(text), allowed: 'DAILY, WEEKLY, MONTHLY or YEARLY' },
  INTERVAL: { test: whole(1, 1_000), allowed: '1 to 1000' },
  COUNT: { test: whole(1, 10_000), allowed: '1 to 10000' },
  UNTIL: { test: text => /^\d{8}(?:T\d{6})?$/.test(text), allowed: 'a local day or time: 20271231 or 20271231T120000' },
  BYDAY: {
    test: listOf(text => /^(?:[+-]?(?:[1-9]|[1-4]\d|5[0-3]))?(?:MO|TU|WE|TH|FR|SA|SU)$/.test(text)),
    allowed: 'days such as MO,FR; of months and years also 1MO or -1FR',
  },
  BYMONTH: { test: listOf(whole(1, 12)), allowed: '1 to 12' },
  BYMONTHDAY: { test: listOf(fromEnd(31)), allowed: '1 to 31, or -31 to -1 from the end' },
  BYYEARDAY: { test: listOf(fromEnd(366)), allowed: '1 to 366, or -366 to -1 from the end' },
  BYWEEKNO: { test: listOf(fromEnd(53)), allowed: '1 to 53, or -53 to -1 from the end' },
  BYHOUR: { test: listOf(whole(0, 23)), allowed: '0 to 23' },
  BYMINUTE: { test: listOf(whole(0, 59)), allowed: '0 to 59' },
  BYSETPOS: { test: listOf(fromEnd(366)), allowed: '1 to 366, or -366 to -1 from the end' },
  WKST: { test: text => /^(?:MO|TU|WE|TH|FR|SA|SU)$/.test(text), allowed: 'MO to SU' },
}

function ruleProblem(rule: string): string | undefined {
  const seen = new Set<string>()
  for (const part of rule.split(';')) {
    const [name = '', value = ''] = part.split(/=(.*)/s)
    if (!Object.hasOwn(parts, name)) return `${example}; of the parts ${Object.keys(parts).join(', ')}`
    if (seen.has(name)) return `${example}; ${name} once`
    seen.add(name)
    if (!parts[name]!.test(value)) return `${name}: ${parts[name]!.allowed}`
  }
  if (!seen.has('FREQ')) return `${example}; with FREQ`
  return seen.has('COUNT') && seen.has('UNTIL') ? 'COUNT or UNTIL, not both' : undefined
}
