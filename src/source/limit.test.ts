import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimit } from './limit.ts'

test('those who wait enter in order, those beyond are sent away, and one who gives up frees its place', async () => {
  const limit = createLimit({ parallel: 1, waitingMax: 2 })
  const entered: string[] = []
  const enter = async (name: string, signal?: AbortSignal): Promise<() => void> => {
    const leave = await limit.enter(signal)
    entered.push(name)
    return leave
  }
  const impatient = new AbortController()

  const leave = await enter('a')
  const [b, c] = [enter('b', impatient.signal), enter('c')]
  await assert.rejects(enter('d'), { code: 'unavailable' })
  impatient.abort()
  await assert.rejects(b, { code: 'unavailable' })
  const e = enter('e')
  leave()
  leave()
  const leaveC = await c
  assert.deepEqual(entered, ['a', 'c'])
  leaveC()
  await e

  assert.deepEqual(entered, ['a', 'c', 'e'])
})
