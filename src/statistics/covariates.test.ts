import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { differenceBounds } from './confidence-sequence.ts'
import { adjustForCovariates, type ArmRows } from './covariates.ts'
import { mean, variance } from './moments.ts'
import { seededRandom } from './random.ts'

const near = (found: number, expected: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(found - expected) < tolerance, `${found} is not ${expected}`)

/** Days of Seattle: the highest temperature, and what else was measured, in two arms. */
function weather(): readonly [ArmRows, ArmRows] {
  const file = readFileSync('node_modules/vega-datasets/data/seattle-weather.csv', 'utf8')
  const days = file.trim().split('\n').slice(1)
  const arm = (isSecond: boolean): ArmRows => {
    const rows = days
      .filter((_, index) => (index * 7919) % 5 < 2 === isSecond)
      .map(line => line.split(',').slice(1, 5).map(Number))
    const column = (index: number) => Float64Array.from(rows, row => row[index]!)
    return { y: column(1), covariates: [column(2), column(3), column(0)] }
  }
  return [arm(false), arm(true)]
}

const difference = ([control, other]: readonly Float64Array[]): number => mean(other!) - mean(control!)

test('the adjusted difference is the coefficient of the arm in a regression, and as sure', () => {
  const arms = weather()
  const { values, explained, rank } = adjustForCovariates(arms)
  const rows = arms[0].y.length + arms[1].y.length
  const sample = (column: Float64Array) => (variance(column) / column.length) * ((rows - 2) / (rows - 2 - rank))

  assert.deepEqual([arms[0].y.length, arms[1].y.length, rank], [876, 585, 3])
  // statsmodels 0.15: OLS of temp_max on 1, arm, temp_min, wind, precipitation. params[1]; 1 − SSR with / SSR without them.
  near(difference(arms.map(({ y }) => y)), -0.0674634117784804)
  near(difference(values), -0.13904044810111302)
  near(explained, 0.7966673161356623)
  // bse[1], which knows one variance for both arms.
  near(Math.sqrt(sample(values[0]!) + sample(values[1]!)), 0.17728228867005363, 0.002)
})

test('covariates that are copies, constant or missing change nothing', () => {
  const [control, other] = weather()
  const widened = [control, other].map(({ y, covariates: [min, wind, rain] }) => ({
    y,
    covariates: [min!, wind!, rain!, min!.map(value => 1.8 * value + 32), min!.map(() => 7), min!.map(() => NaN)],
  }))
  const plain = adjustForCovariates([control, other])
  const wide = adjustForCovariates(widened)

  assert.equal(wide.rank, 3)
  near(difference(wide.values), difference(plain.values), 1e-9)
  near(wide.explained, plain.explained, 1e-9)
  const without = adjustForCovariates([control, other].map(({ y }) => ({ y, covariates: [] })))
  assert.deepEqual(without, { values: [control.y, other.y], explained: 0, rank: 0 })
})

test('with covariates whoever looks after every two hundred rows is still wrong in one of twenty runs at most, and knows sooner', () => {
  const random = seededRandom(11)
  const [runs, rows] = [200, 2_000]
  let [wrong, narrower] = [0, 0]
  for (let run = 0; run < runs; run++) {
    const lot = Array.from({ length: rows }, () => (random() < 0.3 ? 1 : 0))
    const known = Array.from({ length: rows }, () => [random(), random()] as const)
    const y = known.map(([a, b]) => a ** 2 + b + random())
    const bounds = (upTo: number, isAdjusted: boolean) => {
      const arms = [0, 1].map(arm => {
        const own = lot.slice(0, upTo).flatMap((each, row) => (each === arm ? [row] : []))
        const column = (index: 0 | 1) => Float64Array.from(own, row => known[row]![index])
        return { y: Float64Array.from(own, row => y[row]!), covariates: isAdjusted ? [column(0), column(1)] : [] }
      })
      const samples = adjustForCovariates(arms).values.map(values => ({
        count: values.length,
        mean: values.length === 0 ? 0 : mean(values),
        variance: values.length < 2 ? 0 : variance(values),
      }))
      return differenceBounds(samples[1]!, samples[0]!)
    }
    const looks = Array.from({ length: rows / 200 }, (_, look) => bounds((look + 1) * 200, true))
    if (looks.some(each => each && (each.low > 0 || each.high < 0))) wrong++
    const [plain, adjusted] = [bounds(rows, false)!, bounds(rows, true)!]
    if (adjusted.high - adjusted.low < 0.8 * (plain.high - plain.low)) narrower++
  }
  // Four standard deviations of a binomial count above one in twenty.
  assert.ok(wrong / runs < 0.05 + 4 * Math.sqrt((0.05 * 0.95) / runs), `${wrong} of ${runs}`)
  assert.equal(narrower, runs)
})
