import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driftStep, newSignal, stepOf } from './policy.ts'
import type { Signal } from './signal.ts'

const signal = (state: Signal['state'], kind: Signal['kind'] = 'performance'): Signal => ({
  kind,
  name: 'x',
  state,
  score: 0,
  threshold: 0,
  because: '',
})

test('an alarm opens an incident once, and three clean windows in a row end it', () => {
  assert.deepEqual(
    [
      stepOf(signal('alarm'), undefined),
      stepOf(signal('alarm'), { clean: 2 }),
      stepOf(signal('ok'), { clean: 0 }),
      stepOf(signal('ok'), { clean: 2 }),
      stepOf(signal('warn'), { clean: 2 }),
      stepOf(signal('insufficient'), { clean: 2 }),
      stepOf(signal('warn'), undefined),
    ],
    ['open', 'continue', 'clean', 'resolve', 'continue', 'none', 'none'],
  )
})

test('a window that is judged again counts only for what is new', () => {
  const [drifted, waiting, lost] = [signal('alarm', 'contract'), signal('insufficient'), signal('alarm')]

  assert.equal(newSignal('contract', [drifted, lost], [drifted, waiting]), undefined)
  assert.equal(newSignal('performance', [drifted, lost], [drifted, waiting]), lost)
  assert.equal(newSignal('contract', [drifted, waiting], undefined), drifted)
})

test('drift sets in once and is over after three windows without', () => {
  const during = (driftClean: number) => ({ driftWindow: 'win_1', driftClean })

  assert.deepEqual(
    [
      driftStep(false, { driftWindow: undefined, driftClean: 0 }),
      driftStep(true, { driftWindow: undefined, driftClean: 0 }),
      driftStep(true, during(2)),
      driftStep(false, during(1)),
      driftStep(false, during(2)),
    ],
    ['none', 'onset', 'lasting', 'clean', 'end'],
  )
})
