import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compareOutcomes, type Arm } from './outcome.ts'
import { contestOf } from './outcomes.ts'
import { deployment, openStage, project } from './testing-stage.ts'
import { daysOf, type Day } from './testing.ts'

const days = daysOf({ key: 'Seattle', from: '2014-01-01', to: '2015-01-01', seed: 3 })

test('revisions are compared over the time in which the same ones shared the requests', () => {
  const change = (at: number, weights: Record<string, number>) => ({ at, weights })
  const started = change(10, { a: 100 })
  const canary = [change(30, { a: 50, b: 50 }), change(20, { a: 90, b: 10 }), started]

  assert.equal(contestOf([started]), undefined)
  assert.deepEqual(contestOf(canary), { ids: ['a', 'b'], from: 20, to: undefined })
  assert.deepEqual(contestOf([change(40, { b: 100 }), ...canary]), { ids: ['a', 'b'], from: 20, to: 40 })
  assert.deepEqual(contestOf([change(50, { b: 90, c: 10 }), change(40, { b: 100 }), ...canary]), {
    ids: ['b', 'c'],
    from: 50,
    to: undefined,
  })
})

test('a difference that the rows do not tell is open, and each further arm makes the bounds wider', () => {
  const arm = (revision: string, shift: number) => ({
    revision,
    score: days.map(({ score }) => Math.min(1, score + shift)),
    label: days.map(({ label }) => label),
  })
  const width = (arms: number): number => {
    const others = Array.from({ length: arms }, (_, i) => arm(`rev_${i}`, 0.01))
    const { differences } = compareOutcomes('squared_error', [arm('rev', 0), ...others])
    assert.ok(differences.every(({ verdict }) => verdict === 'open'))
    return differences[0]!.high - differences[0]!.low
  }

  assert.ok(width(3) > width(1))
})

test('what inputs say of the losses is taken out of the difference, as long as there are rows for them', () => {
  const arm = (revision: string, from: number, to: number) => {
    const own = days.slice(from, to)
    return {
      revision,
      score: own.map(() => 0.5),
      label: own.map(({ temperature }) => temperature / 10),
      covariates: { temperature: Float64Array.from(own, ({ temperature }) => temperature) },
    }
  }
  const compared = (...arms: Parameters<typeof compareOutcomes>[1]) =>
    compareOutcomes('absolute_error', arms).differences[0]!
  const arms = [arm('rev_1', 0, 180), arm('rev_2', 180, 365)] as const
  const bare = ({ revision, score, label }: Arm): Arm => ({ revision, score, label })
  const plain = compared(bare(arms[0]), bare(arms[1]))
  const adjusted = compared(...arms)
  const alone = compared(arms[0], { ...arms[1], covariates: {} })

  assert.deepEqual([plain.adjusted, adjusted.adjusted?.by], [undefined, ['temperature']])
  assert.ok(adjusted.adjusted!.explained > 0.5 && adjusted.high - adjusted.low < 0.7 * (plain.high - plain.low))
  assert.deepEqual(alone, plain, 'the other arm does not know it')
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`c${index}`, new Float64Array(365)]))
  const [first, second] = arms.map(each => ({ ...each, covariates: many }))
  assert.deepEqual(compared(first!, second!), plain, 'twenty rows for each')
})

/** Two revisions share the requests; the second answers with other scores. */
async function contest(t: TestContext, score: (day: Day) => number) {
  const stage = await openStage(t, { hold: true })
  const { monitoring, serve, tell, traffic } = stage
  await monitoring.create({ project, deployment, revision: 'rev_1', version: 'mdv_1', weight: 100 })
  traffic.unshift({ at: 1, weights: { rev_1: 60, rev_2: 40 } })
  const told = async (
    own: readonly Day[],
    revision: string,
    change: NonNullable<Parameters<typeof serve>[1]>['change'] = () => ({}),
  ) => tell(await serve(own, { revision, change }), own)
  await told(days.slice(0, 200), 'rev_1')
  const changed = (day: Day) => ({ outputs: { probability: score(day) } })
  await told(days.slice(200, 340), 'rev_2', changed)
  await told(days.slice(340), 'rev_2', day => ({ ...changed(day), forced: true as const }))
  return stage
}

test('the truth says which of two revisions is better, and how sure that is; who chose their revision does not count', async t => {
  const { monitoring } = await contest(t, ({ score }) => 1 - score)

  const { loss, from, arms, differences } = await monitoring.outcomes(deployment)

  assert.deepEqual(
    [loss, from, arms.map(({ revision, number, rows }) => [revision, number, rows])],
    [
      'squared_error',
      1,
      [
        ['rev_1', 1, 200],
        ['rev_2', 2, 140],
      ],
    ],
  )
  const [{ revision, verdict, reason, value, low, high }] = differences as [(typeof differences)[number]]
  assert.deepEqual([revision, verdict], ['rev_2', 'worse'])
  assert.ok(0 < low && low < value && value < high)
  assert.match(
    reason,
    /^By the truth of 140 and 200 rows, without what 2 inputs explain of it \(\d+ %\), it loses more than the revision before: by [\d.]+ to [\d.]+ a row\.$/,
  )
})

test('an oracle is better, and more truth makes it surer', async t => {
  const { monitoring, serve, tell } = await contest(t, ({ label }) => label)
  const width = async (): Promise<number> => {
    const [difference] = (await monitoring.outcomes(deployment)).differences
    assert.equal(difference!.verdict, 'better')
    return difference!.high - difference!.low
  }
  const before = await width()
  await tell(await serve(days, { revision: 'rev_1' }), days)

  assert.ok((await width()) < before)
})
