import { test, type TestContext } from 'node:test'
import { openBed, refusal, rules, shop, type TestBed } from './testing.ts'

const cities = ['Lyon', 'Paris, FR']
const days = `city,day,rain\n${Array.from({ length: 10 }, (_, index) => cities.map(city => `"${city}",2015-03-${String(index + 1).padStart(2, '0')},${index % 3 === 0 ? 0.1 : 1 / 3}`).join('\n')).join('\n')}\n`

async function trainingSet(
  t: Parameters<typeof openBed>[0],
): Promise<{ bed: TestBed; split: (params: object) => ReturnType<TestBed['call']> }> {
  const bed = await openBed(t)
  await bed.declare(shop, { 'days.csv': days, ...rules })
  const dataset = await bed.dataset('days')
  const { outputs } = await bed.call('features.compute', { params: { view: 'daily' }, inputs: { dataset } })
  const rows = (
    await bed.call('features.training-set', {
      params: { service: 'rain', label: 'tomorrow' },
      inputs: { dataset, features: outputs['features']! },
    })
  ).outputs['rows']!
  return { bed, split: params => bed.call('features.split', { params: params as never, inputs: { rows } }) }
}

test('the last days are the test, as CSV with full precision', async t => {
  const { bed, split } = await trainingSet(t)

  const { outputs, metrics } = await split({ testDays: 3 })

  const [train, test_] = await Promise.all(
    ['train', 'test'].map(async part =>
      (await bed.blobs.bytes(outputs[part]!.digest!)).toString().trimEnd().split('\n'),
    ),
  )
  t.assert.deepEqual(metrics, { train: 12, test: 6 })
  t.assert.deepEqual(train!.slice(0, 3), [
    'city,event_time,rain,rain_2d,wet,label',
    'Lyon,2015-03-01T18:00:00.000Z,0.1,0.1,true,1',
    '"Paris, FR",2015-03-01T18:00:00.000Z,0.1,0.1,true,1',
  ])
  t.assert.deepEqual(
    [train!.length, train!.at(-1)!.split('T')[0], test_!.length, test_![1]],
    [13, '"Paris, FR",2015-03-06', 7, 'Lyon,2015-03-07T18:00:00.000Z,0.1,0.43333333333333335,true,1'],
  )
  t.assert.deepEqual([outputs['train']!.ref, outputs['test']!.ref?.slice(0, 4)], [outputs['test']!.ref, 'trs_'])
})

test('a share of the rows is the test, and rows of one instant stay together', async (t: TestContext) => {
  const { bed, split } = await trainingSet(t)

  const { outputs, metrics } = await split({ testShare: 0.25, format: 'parquet' })

  const [train, test_] = [await bed.rows(outputs['train']), await bed.rows(outputs['test'])]
  t.assert.deepEqual(metrics, { train: 14, test: 4 })
  t.assert.ok(
    Math.max(...train.map(row => Number(row['event_time']))) < Math.min(...test_.map(row => Number(row['event_time']))),
  )
})

test('a split with nothing on one side, and one that nobody described, is refused', async t => {
  const { split } = await trainingSet(t)
  const message = async (params: object) => (await refusal(split(params)))[1]

  t.assert.equal(
    await message({ testDays: 90 }),
    'A split needs rows on both sides; this one has 0 for training and 18 for the test.\n  params = {"testDays":90}: less than the 18 rows, which reach from 2015-03-01T18:00:00.000Z to 2015-03-09T18:00:00.000Z, in more than one instant',
  )
  t.assert.match(await message({ testShare: 0.01 }), /this one has 18 for training and 0 for the test/)
  t.assert.equal(await message({}), 'The rows cannot be split so.\n  params: either testDays or testShare')
  t.assert.equal(
    await message({ testDays: 1, testShare: 0.5 }),
    'The rows cannot be split so.\n  params: either testDays or testShare',
  )
  t.assert.equal(
    await message({ testShare: 1 }),
    'The rows cannot be split so.\n  params.testShare = 1: a share between 0 and 1',
  )
  t.assert.equal(
    await message({ testDays: '3' }),
    'The rows cannot be split so.\n  params.testDays = "3": a positive number of days',
  )
})
