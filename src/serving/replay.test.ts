import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeReplay, type Replayed } from './replay.ts'

const rules = { psi: 0.25 }

/** Rows with probabilities from 0 to 1, and what a challenger makes of each. */
function rowsOf(
  count: number,
  challenger: (p: number, row: number) => number | undefined,
  truth?: (p: number) => number,
) {
  return Array.from({ length: count }, (_, row): Replayed => {
    const p = (row + 0.5) / count
    const answer = challenger(p, row)
    return {
      inputs: { wind: row },
      outputs: { probability: p, advice: p > 0.5 ? 'take' : 'leave' },
      answer: answer === undefined ? undefined : { probability: answer, advice: answer > 0.5 ? 'take' : 'leave' },
      ...(truth && { truth: truth(p) }),
    }
  })
}

const judged = (rows: readonly Replayed[], more: object = {}) => judgeReplay(rows, 'probability', { ...rules, ...more })

test('a challenger that answers nearly as the champion passes, and it is said how nearly', () => {
  assert.deepEqual(judged(rowsOf(1_000, p => Math.min(1, p + 0.01))), {
    name: 'replay',
    passed: true,
    found:
      'Of 1000 requests to the champion it says the same to 990; the index of probability is 0.002; of none the truth tells them apart.',
  })
})

test('one that answers from elsewhere fails by the index, or by the share that agrees where one is declared', () => {
  const { passed, found } = judged(rowsOf(1_000, p => p ** 3))
  assert.deepEqual([passed, /the index of probability is 0\.\d+, above 0\.250/.test(found)], [false, true])

  const shifted = rowsOf(1_000, p => Math.min(1, p + 0.05))
  assert.equal(judged(shifted).passed, true)
  assert.match(judged(shifted, { agreement: 0.99 }).found, /the same to 950, below the share 0\.99/)
  assert.equal(judged(shifted, { agreement: 0.99 }).passed, false)
})

test('one that is farther from the truth fails, also when it agrees; one that is nearer passes', () => {
  const truth = (p: number): number => (p > 0.5 ? 1 : 0)
  const dull = (p: number): number => p + 0.02 * (0.5 - p)
  const sharp = (p: number): number => p - 0.02 * (0.5 - p)

  assert.deepEqual([judged(rowsOf(400, dull, truth)).passed, judged(rowsOf(400, sharp, truth)).passed], [false, true])
  assert.match(judged(rowsOf(400, dull, truth)).found, /nearer to the truth in 0 and farther from it in 398/)
})

test('one in a hundred rows may fail, and of few rows nothing is said', () => {
  const failing = (every: number) => rowsOf(1_000, (p, row) => (row % every === 0 ? undefined : p))

  assert.equal(judged(failing(100)).passed, true)
  assert.deepEqual(judged(failing(50)), {
    name: 'replay',
    passed: false,
    found: 'It fails at 20 of 1000 requests that the champion has answered.',
  })
  assert.match(judged(rowsOf(49, () => undefined)).found, /nothing is compared/)
})
