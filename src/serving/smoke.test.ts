import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeSmoke, smokeAnswers, smokeRequests, type SmokeAnswer } from './smoke.ts'

const inputs = [
  { name: 'wind', datatype: 'FP32', shape: [-1, 1] },
  { name: 'city', datatype: 'BYTES', shape: [-1, 1] },
]
const row = (wind: number, city = 'Oslo') => ({ wind, city })
const fine: SmokeAnswer = { status: 200, isValid: true }
const answers = (count: number, ...others: readonly SmokeAnswer[]) => [
  ...Array.from({ length: count }, () => fine),
  ...others,
]

test('requests are what was recorded, as far as it is whole, and then what known values make', () => {
  const recorded = [row(1), { wind: 2 }, { wind: 'a hash', city: 'Oslo' }, { wind: null, city: 'Oslo' }, row(3)]
  const made = smokeRequests(inputs, { recorded, known: [row(5, 'Rome'), row(7, 'Rome')] }, 6)

  assert.deepEqual(made.recorded, [row(1), row(3)])
  assert.deepEqual(made.known.slice(0, 2), [row(5, 'Rome'), row(7, 'Rome')])
  assert.equal(made.known.length, 4)
  assert.ok(made.known.every(({ wind, city }) => Number(wind) >= 5 && Number(wind) <= 7 && city === 'Rome'))
  assert.deepEqual(smokeRequests(inputs, { recorded, known: [row(5)] }, 1), { recorded: [row(1)], known: [] })
  assert.deepEqual(smokeRequests(inputs, { recorded: [], known: [] }, 6), { recorded: [], known: [] })
})

test('all rows are asked about, a few at a time; a slow model gets what it answers in time', async () => {
  const rows = Array.from({ length: 50 }, (_, at) => row(at))
  const asked: unknown[] = []
  let [at, most] = [0, 0]
  const ask = async (asking: (typeof rows)[number]) => {
    most = Math.max(most, ++at)
    await new Promise(resolve => setImmediate(resolve))
    at--
    asked.push(asking.wind)
    return fine
  }

  assert.equal((await smokeAnswers(rows, ask as never)).length, 50)
  assert.deepEqual([new Set(asked).size, most], [50, 4])
  assert.equal((await smokeAnswers(rows, ask as never, -1)).length, 4)
})

test('one that fails, or is no number, is too many; what is refused is said', () => {
  const rows = { recorded: [row(1)], known: Array.from({ length: 199 }, (_, at) => row(at)) }
  const judged = (given: readonly SmokeAnswer[]) => {
    const { passed, found } = judgeSmoke(given, rows)
    return [passed, found]
  }
  const refused = { status: 400, isValid: true, error: 'Input wind.' }

  assert.deepEqual(
    [
      judged(answers(200)),
      judged(answers(199, { status: 500, isValid: true, error: 'No.' })),
      judged(answers(199, { status: 200, isValid: false })),
      judged(answers(100, refused)),
      judged([refused, refused]),
      judged([]),
    ],
    [
      [true, 'None of 200 requests (1 recorded, 199 of known values) failed; by that at most 1.5 % do, at 95 %.'],
      [false, '1 of 200 requests failed, one with 500: No.'],
      [false, '1 of 200 answers had an output that is no number.'],
      [
        true,
        'None of 101 requests (1 recorded, 199 of known values) failed; by that at most 3.0 % do, at 95 %. 1 were refused, one with: Input wind.',
      ],
      [false, 'All of 2 requests were refused, one with: Input wind.'],
      [true, 'There are no rows to make requests of: neither recorded ones nor known ones.'],
    ],
  )
})
