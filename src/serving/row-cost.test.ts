import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCost } from './row-cost.ts'

test('a row may take twice as long as with the champion, or as long as no machine minds', () => {
  const judged = (own: number | undefined, champion: number | undefined) => {
    const { passed, found } = judgeCost(own, champion, 2)
    return [passed, found]
  }

  assert.deepEqual(
    [
      judged(3, 1.5),
      judged(3, 1.4),
      judged(0.1, 0.01),
      judged(0.101, 0.01),
      judged(3, undefined),
      judged(undefined, 3),
    ],
    [
      [true, 'A row takes 3 ms, 2 times as long as with the champion.'],
      [false, 'A row takes 3 ms, 2.14 times as long as with the champion; 2 times are allowed.'],
      [true, 'A row takes 0.1 ms, 10 times as long as with the champion; up to 0.1 ms any is let through.'],
      [false, 'A row takes 0.101 ms, 10.1 times as long as with the champion; 2 times are allowed.'],
      [true, 'What a row takes has not been measured of both: nothing is compared.'],
      [true, 'What a row takes has not been measured of both: nothing is compared.'],
    ],
  )
})
