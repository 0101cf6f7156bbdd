import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPattern } from './tracked-key.ts'

test('a key is a path that leads nowhere else', () => {
  const good = ['a', 'val/loss.x', 'a b:c-d', 'ü ß/x', '..a', '...', 'a..', 'a/.b', '第一/1']
  const bad = ['', '/', '.', '..', 'a/', '/a', 'a//b', 'a/./b', 'a/../b', 'a/..', './a', 'a\nb', 'a%', 'a/\n']

  assert.deepEqual(
    [...good, ...bad].filter(key => keyPattern.test(key)),
    good,
  )
})
