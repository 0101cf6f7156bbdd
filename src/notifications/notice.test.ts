import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonLine } from './notice.ts'

test('a reason is one line: the first, or the last that a program has said', () => {
  const said = 'The task ended with exit code 3. Its last lines:\n  Traceback\n  ValueError: no wind\n'
  assert.deepEqual(
    [said, 'No wind.\nat line 7', 'The task ended. Its last lines:', '\n', undefined, 'x'.repeat(400)].map(reasonLine),
    [
      'The task ended with exit code 3. Its last lines: ValueError: no wind',
      'No wind.',
      'The task ended. Its last lines:',
      undefined,
      undefined,
      `${'x'.repeat(300)}…`,
    ],
  )
})
