import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { createApp } from './app.ts'

test('a stream of bytes is sent whole and its memory given back; a stream of objects keeps its own', async t => {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  const [given, kept] = [Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')]
  app.get('/bytes', async (_, reply) => reply.send(Readable.from([given], { objectMode: false })))
  app.get('/objects', async (_, reply) => reply.send(Readable.from([kept])))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  const bytes = await (await fetch(`${url}/bytes`)).text()
  const objects = await (await fetch(`${url}/objects`)).text()

  assert.deepEqual([bytes, objects, given.length, kept.length], ['a'.repeat(100_000), 'b'.repeat(100_000), 0, 100_000])
})

test('a stream of texts is sent as they are', async t => {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  app.get('/texts', async (_, reply) =>
    reply.send(Readable.from([Buffer.alloc(70_000, 'ä')], { objectMode: false }).setEncoding('utf8')),
  )
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  assert.equal(await (await fetch(`${url}/texts`)).text(), 'ä'.repeat(35_000))
})
