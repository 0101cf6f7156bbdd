import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Judgement } from './judge.ts'
import type { Reference } from './reference.ts'
import { dayMs } from './season.ts'
import { daysOf, frameOfDays, windowsOfDays, type Day } from './testing.ts'

const rule = { metric: 'brier', labelMaturity: 0.8 } as const

function referenceOf(days: readonly Day[]): Reference {
  return {
    frame: frameOfDays(days),
    rows: days.length,
    source: 'training set trs_1',
    entity: 'city',
    importance: { temperature: 0.8, wind: 0.2 },
    evaluation: { metrics: { brier: 0.19 }, from: days.at(-90)!.at, to: days.at(-1)!.at },
  }
}

/** Judges windows one after the other, as they close. */
async function judgeAll(
  reference: Reference | undefined,
  windows: readonly (readonly Day[])[],
): Promise<readonly Judgement[]> {
  const judged: Judgement[] = []
  for (const days of windows) {
    const span = { from: days[0]!.at, to: days.at(-1)!.at + dayMs / 4 }
    const window = { span, frame: frameOfDays(days), rows: days.length, errors: 0 }
    const before = judged.toReversed()
    judged.push(
      await judge(window, reference, rule, {
        before: before.map(({ signals }) => signals),
        z: [before[0]?.performance?.z],
      }),
    )
  }
  return judged
}

const alarms = ({ signals }: Judgement): readonly string[] =>
  signals.filter(({ state }) => state === 'alarm').map(({ kind, name }) => `${kind} ${name}`)

const seattle = (from: string, to: string, seed: number): readonly Day[] => daysOf({ key: 'Seattle', from, to, seed })

test('in 60 years that differ as years do nobody is paged, and one in ten at most reports drift', async () => {
  const years: (readonly string[])[] = []
  for (let seed = 1; seed <= 60; seed++) {
    const days = seattle('2012-01-01', '2015-01-01', seed)
    const isKnown = ({ at }: Day): boolean => at < Date.parse('2014-01-01')
    const judged = await judgeAll(
      referenceOf(days.filter(isKnown)),
      windowsOfDays(
        days.filter(day => !isKnown(day)),
        60,
      ),
    )
    years.push(judged.flatMap(alarms))
  }

  assert.deepEqual(
    years.flat().filter(alarm => !alarm.includes('drift')),
    [],
  )
  assert.ok(years.filter(found => found.length > 0).length <= 6)
})

test('a new city is found in its first window, and named as the first cause', async () => {
  const reference = referenceOf(seattle('2012-01-01', '2015-01-01', 3))
  const both = [
    ...seattle('2015-01-01', '2015-05-01', 9),
    ...daysOf({ key: 'New York', from: '2015-01-01', to: '2015-05-01', seed: 10, colder: 9, surprise: -4 }),
  ]

  const [first, second] = await judgeAll(reference, windowsOfDays(both, 120))

  assert.deepEqual(alarms(first!), ['performance brier', 'feature_drift city'], JSON.stringify(first!.performance))
  assert.equal(first!.causes[0]?.name, 'city = New York')
  assert.match(
    first!.causes[0]!.sentence,
    /^new city New York: 50 % of requests, 0 % of the reference; New York: brier 0\.\d+ in 60 rows, 0\.\d+ elsewhere$/,
  )
  assert.match(
    first!.causes[1]!.sentence,
    /^temperature in New York: median -\d+\.?\d* instead of \d+\.?\d*; PSI \d+\.\d\d, above its threshold of \d+\.\d\d$/,
  )
  assert.ok(alarms(second!).includes('feature_drift temperature'))
})

test('drift needs a second window, and a third that is clean between does not matter', async () => {
  const reference = referenceOf(seattle('2012-01-01', '2014-01-01', 4))
  const [one, two, three] = windowsOfDays(seattle('2014-01-01', '2014-07-01', 5), 60)
  const windy = (days: readonly Day[]): readonly Day[] => days.map(day => ({ ...day, wind: day.wind * 2.5 }))
  const states = (judged: readonly Judgement[]): readonly (string | undefined)[] =>
    judged.map(({ signals }) => signals.find(({ name }) => name === 'wind')?.state)

  assert.deepEqual(states(await judgeAll(reference, [windy(one!), two!, windy(three!)])), ['warn', 'ok', 'alarm'])
})

test('the reference is the same season once there is a year of it', async () => {
  const window = windowsOfDays(seattle('2014-01-01', '2014-03-05', 5), 60)

  const [young] = await judgeAll(referenceOf(seattle('2013-05-01', '2013-12-31', 4)), window)
  const [grown] = await judgeAll(referenceOf(seattle('2012-01-01', '2014-01-01', 4)), window)

  assert.deepEqual(
    [young!.reference, grown!.reference],
    [
      'training set trs_1; young reference: all 244 rows, less than a year, seasons are not matched',
      'training set trs_1; the same season of 2.0 years, 180 rows',
    ],
  )
})

test('without a training set errors and calibration are still judged', async () => {
  const [judged] = await judgeAll(undefined, windowsOfDays(seattle('2014-01-01', '2014-03-05', 5), 60))

  assert.deepEqual(
    judged!.signals.map(({ kind, state }) => [kind, state]),
    [
      ['performance', 'ok'],
      ['service', 'ok'],
    ],
  )
})

test('truth that has not come in leaves the estimate from the scores', async () => {
  const days = windowsOfDays(seattle('2014-01-01', '2014-03-05', 5), 60)[0]!
  const frame = { ...frameOfDays(days), label: days.map(() => null) }

  const { performance, signals } = await judge(
    { span: { from: 0, to: dayMs }, frame, rows: 60, errors: 0 },
    undefined,
    rule,
    { before: [], z: [] },
  )

  assert.deepEqual(Object.keys(performance!).toSorted(), ['expected', 'maturity', 'metric', 'rows'])
  assert.deepEqual([performance!.maturity, signals[0]!.state], [0, 'insufficient'])
})
