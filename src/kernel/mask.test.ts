import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maskOf } from './mask.ts'

const secret = 'pa ss/wo+rd"ä'

test('a value is taken out as it is, and as JSON, addresses and base64 write it', () => {
  const mask = maskOf([secret])
  const basic = (user: string): string => Buffer.from(`${user}:${secret}@host`).toString('base64')
  const texts = [
    `dsn=${secret};`,
    JSON.stringify({ secret }),
    `https://u:${encodeURIComponent(secret)}@host`,
    encodeURIComponent(secret).toLowerCase(),
    new URLSearchParams({ secret }).toString(),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
  ]
  assert.deepEqual(texts.map(mask), [
    'dsn=•••;',
    '{"secret":"•••"}',
    'https://u:•••@host',
    '•••',
    'secret=•••',
    '•••',
    '•••',
  ])
  for (const user of ['', 'a', 'ab', 'abc']) assert.match(mask(basic(user)), /^\S{0,8}•••\S{0,12}$/)
})

test('of a value of several lines each is taken out by itself, and a value inside of another leaves nothing', () => {
  const key = '-----BEGIN KEY-----\nMIIBVAIBADANBgkq\nabc\n-----END KEY-----'
  const mask = maskOf([key, 'MIIB', 'MIIBVAIB'])
  assert.deepEqual(['MIIBVAIBADANBgkq', ' abc', 'x MIIBVAIB y MIIB', key].map(mask), [
    '•••',
    ' abc',
    'x ••• y •••',
    '•••',
  ])
  assert.equal(maskOf([])('as it was'), 'as it was')
})

test('no text shows a value that it was to hide', () => {
  const value = fc.string({ minLength: 4, maxLength: 40, unit: 'binary' }).filter(text => text.trim().length >= 4)
  fc.assert(
    fc.property(fc.string(), value, fc.string(), (before, hidden, after) => {
      const mask = maskOf([hidden])
      for (const text of [hidden, Buffer.from(hidden).toString('base64')])
        if (mask(`${before}${text}${after}`).includes(text)) return '•'.repeat(4).includes(text)
      return true
    }),
  )
})
