import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrainyardError } from '#kernel/error.ts'
import { openBench } from './testing.ts'

test('a function that looks in vain answers false, and its attempt is called again with what it kept', async t => {
  const { attempt, executor } = await openBench(t)
  const files = {
    'look.ts': `import { appendFileSync, readFileSync } from 'node:fs'
      export function look({ log }) {
        const cursor = process.env.TRAINYARD_CHECKPOINT + '/cursor'
        appendFileSync(cursor, 'x')
        log(readFileSync(cursor, 'utf8'))
        return readFileSync(cursor, 'utf8') === 'xx'
      }
      export const no = () => false`,
  }
  const polled = await attempt({ function: 'look.ts#look', poll: { every: '1s' }, checkpoint: true }, { files })

  const first = await executor.execute(polled).catch((error: unknown) => (error as TrainyardError).detail)
  await executor.execute(polled)
  const once = await executor.execute(await attempt({ function: 'look.ts#no' }, { files }))

  assert.deepEqual(
    [first, polled.lines, once.facts['exit']],
    [{ cause: { kind: 'exit', code: 75 } }, ['x', 'The task goes on from its checkpoint of 1 files.', 'xx'], 0],
  )
})
