import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isoInstant } from '#kernel/clock.ts'
import type { Rhythm } from '#project'
import { dueInstants, nextInstant } from './schedule.ts'

const hour = 3_600_000
const minute = 60_000
const at = (text: string): number => Date.parse(text)
const schedule = (cron: string, timeZone = 'Europe/Berlin'): Rhythm => ({ on: 'schedule', cron, timeZone })

/** The instants that follow, without what they have in common. */
function next(rhythm: Rhythm, from: string, count: number): string {
  const found: string[] = []
  for (let last = at(from); found.length < count;) {
    const instant = nextInstant(rhythm, last)
    if (instant === undefined) break
    found.push(isoInstant(instant).slice(5, 16))
    last = instant
  }
  return found.join(' ')
}

test('a local time that is skipped fires once, at the end of the gap', () => {
  const [before, berlin] = ['2026-03-28T12:00:00Z', 'Europe/Berlin']

  assert.deepEqual(
    {
      one: next(schedule('30 2 * * *'), before, 2),
      several: next(schedule('15,45 2 * * *'), before, 3),
      'with one that exists': next(schedule('30 2,3 * * *'), before, 3),
      'and not the end of the gap twice': next(schedule('30,0 2-3 * * *'), before, 3),
      midnight: next(schedule('0 0 * * *', 'America/Sao_Paulo'), '2018-11-03T12:00:00Z', 2),
      'of half an hour': next(schedule('15 2 * * *', 'Australia/Lord_Howe'), '2026-10-03T00:00:00Z', 2),
      'the day of the week': next(schedule('30 2 * * 0', berlin), before, 2),
    },
    {
      one: '03-29T01:00 03-30T00:30',
      several: '03-29T01:00 03-30T00:15 03-30T00:45',
      'with one that exists': '03-29T01:00 03-29T01:30 03-30T00:30',
      'and not the end of the gap twice': '03-29T01:00 03-29T01:30 03-30T00:00',
      midnight: '11-04T03:00 11-05T02:00',
      'of half an hour': '10-03T15:30 10-04T15:15',
      'the day of the week': '03-29T01:00 04-05T00:30',
    },
  )
})

test('a local time that is repeated fires once, the first time', () => {
  assert.deepEqual(
    {
      one: next(schedule('30 2 * * *'), '2026-10-24T12:00:00Z', 2),
      several: next(schedule('0,30 2-3 * * *'), '2026-10-24T23:59:00Z', 5),
      'seen from between': next(schedule('30 2 * * *'), '2026-10-25T01:10:00Z', 1),
    },
    {
      one: '10-25T00:30 10-26T01:30',
      several: '10-25T00:00 10-25T00:30 10-25T02:00 10-25T02:30 10-26T01:00',
      'seen from between': '10-26T01:30',
    },
  )
})

test('what fires every hour goes on through a change of clocks', () => {
  assert.deepEqual(
    [
      next(schedule('*/30 * * * *'), '2026-03-29T00:15:00Z', 3),
      next(schedule('*/30 * * * *'), '2026-10-25T00:15:00Z', 4),
      next(schedule('0 * * * *', 'Australia/Lord_Howe'), '2026-04-04T13:30:00Z', 3),
    ],
    [
      '03-29T00:30 03-29T01:00 03-29T01:30',
      '10-25T00:30 10-25T01:00 10-25T01:30 10-25T02:00',
      '04-04T14:00 04-04T15:30 04-04T16:30',
    ],
  )
})

test('a calendar names local times by a rule and by dates, without those it leaves out', () => {
  const calendar = (rest: object): Rhythm =>
    ({ on: 'calendar', timeZone: 'Europe/Berlin', start: '2026-01-30T06:30', ...rest }) as Rhythm
  const workdays = 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR'
  const last = 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'

  assert.deepEqual(
    {
      'the last working day of months, in summer too': next(calendar({ rule: last }), '2026-02-01T00:00:00Z', 4),
      'not before its start': next(calendar({ rule: workdays }), '2020-01-01T00:00:00Z', 2),
      'without holidays, and without one time': next(
        calendar({ rule: workdays, except: ['2026-12-24', '2026-12-25', '2026-12-28T06:30', '2026-12-29T06:00'] }),
        '2026-12-23T12:00:00Z',
        2,
      ),
      'dates of its own among those of the rule': next(
        calendar({ rule: workdays, dates: ['2026-12-26T09:00', '2026-12-24T06:30'] }),
        '2026-12-23T12:00:00Z',
        4,
      ),
      'dates alone, until they are over': next(
        calendar({ dates: ['2026-07-01T12:00', '2026-03-29T02:30'], except: ['2026-04-01'] }),
        '2026-01-01T00:00:00Z',
        9,
      ),
      'every second day counts from the start': next(
        calendar({ rule: 'FREQ=DAILY;INTERVAL=2;UNTIL=20260303' }),
        '2026-02-26T00:00:00Z',
        9,
      ),
      'so many, and no more': next(calendar({ rule: 'FREQ=DAILY;COUNT=2' }), '2026-01-01T00:00:00Z', 9),
    },
    {
      'the last working day of months, in summer too': '02-27T05:30 03-31T04:30 04-30T04:30 05-29T04:30',
      'not before its start': '01-30T05:30 02-02T05:30',
      'without holidays, and without one time': '12-29T05:30 12-30T05:30',
      'dates of its own among those of the rule': '12-24T05:30 12-25T05:30 12-26T08:00 12-28T05:30',
      'dates alone, until they are over': '03-29T01:00 07-01T10:00',
      'every second day counts from the start': '02-27T05:30 03-01T05:30 03-03T05:30',
      'so many, and no more': '01-30T05:30 01-31T05:30',
    },
  )
})

test('what never comes has no next instant', () => {
  assert.deepEqual(nextInstant(schedule('0 0 30 2 *'), 0), undefined)
})

test('an interval ticks at multiples of itself', () => {
  const rhythm: Rhythm = { on: 'interval', every: '15m' }

  assert.deepEqual([nextInstant(rhythm, 0), nextInstant(rhythm, 14.9 * minute)], [15 * minute, 15 * minute])
})

test('of missed ticks the last one, none, or the last so many are made up for', () => {
  const policies: readonly Pick<Rhythm, 'missed' | 'missedMax'>[] = [
    {},
    { missed: 'skip' },
    { missed: 'all' },
    { missed: 'all', missedMax: 3 },
  ]
  const hourly: Rhythm = { on: 'schedule', cron: '0 * * * *', timeZone: 'UTC' }

  assert.deepEqual(
    policies.map(policy => dueInstants({ ...hourly, ...policy }, hour, 30.5 * hour).map(instant => instant / hour)),
    [[30], [], [21, 22, 23, 24, 25, 26, 27, 28, 29, 30], [28, 29, 30]],
  )
  assert.deepEqual(
    [dueInstants({ ...hourly, missed: 'skip' }, hour, hour + 2_000), dueInstants(hourly, 7 * hour, 7 * hour)],
    [[hour], [7 * hour]],
  )
})
