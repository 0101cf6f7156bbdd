import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Millis } from '#kernel/clock.ts'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { fsBlobs } from './blobs.ts'
import { fsBlobTrash } from './blob-trash.ts'

const day = 86_400_000
const now = Date.now() as Millis
const times = { at: now, before: now - day }

async function store(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'trainyard-trash-'))
  t.after(() => rm(root, { recursive: true }))
  const [blobs, trash] = [fsBlobs(root), fsBlobTrash(root)]
  const file = (digest: Digest): string => join(root, 'sha256', digest.slice(0, 2), digest)
  const age = (digest: Digest, days = 3): Promise<void> =>
    utimes(file(digest), new Date(now - days * day), new Date(now - days * day))
  const listed = async () => {
    const all = []
    for await (const one of trash.list()) all.push(one)
    return all
  }
  /** Bytes that were written long ago. */
  const old = async (bytes: string): Promise<Digest> => {
    const { digest } = await blobs.put(bytes)
    await age(digest)
    return digest
  }
  return { root, blobs, trash, age, old, listed, file }
}

test('bytes in the trash come back for whoever asks for them, in every way of asking', async t => {
  const { blobs, trash, old, age, listed } = await store(t)
  const digest = await old('weather')
  const ways: Record<string, () => Promise<unknown>> = {
    find: () => blobs.find(digest),
    keep: () => blobs.keep(digest),
    bytes: async () => (await blobs.bytes(digest)).toString(),
    read: async () => text(await blobs.read(digest)),
    part: async () => text(await blobs.part(digest, 1, 2)),
    path: async () => (await stat(await blobs.path(digest))).size,
    'path again': async () => (await stat(await blobs.path(digest))).size,
    put: () => blobs.put('weather'),
  }

  const answers: Record<string, unknown> = {}
  for (const [name, ask] of Object.entries(ways)) {
    await age(digest)
    assert.deepEqual(await trash.discard(digest, times), { digest, size: 7 })
    assert.equal(await trash.inPlace(digest), undefined)
    answers[name] = await ask()
    const { writtenAt = 0 } = (await trash.inPlace(digest)) ?? {}
    assert.ok(writtenAt >= now - 1_000, `${name}: it is as if written now`)
  }

  const blob = { digest, size: 7 }
  assert.deepEqual(answers, {
    find: blob,
    keep: blob,
    bytes: 'weather',
    read: 'weather',
    part: 'ea',
    path: 7,
    'path again': 7,
    put: blob,
  })
  assert.deepEqual(await listed(), [{ digest, size: 7, at: now }], 'what was written again left a second copy there')
})

test('bytes that were written or asked to be kept lately stay where they are', async t => {
  const { blobs, trash, old, listed } = await store(t)
  const written = await blobs.put('written')
  const kept = await old('kept')
  await blobs.keep(kept)

  const moved = [await trash.discard(written.digest, times), await trash.discard(kept, times)]

  assert.deepEqual([moved, await listed()], [[undefined, undefined], []])
  assert.equal(await trash.discard(digestOf('never'), times), undefined)
})

test('whoever writes bytes while they are thrown away finds them there', async t => {
  const { blobs, trash, age, listed } = await store(t)
  const { digest } = await blobs.put('contested')

  // Writing takes some milliseconds: throwing away begins in all of them.
  for (let round = 0; round < 300; round++) {
    await age(digest)
    const writing = blobs.put('contested')
    const until = performance.now() + (round % 60) / 10
    while (performance.now() < until) await setImmediate()
    await Promise.all([writing, trash.discard(digest, { at: (now + round) as Millis, before: now - day })])
    const { writtenAt = 0 } = (await trash.inPlace(digest)) ?? {}
    assert.ok(writtenAt >= now - 1_000, `round ${round}`)
    for (const one of await listed()) assert.equal(await trash.remove(one), false)
  }

  assert.equal((await blobs.bytes(digest)).toString(), 'contested')
})

test('only what is removed from the trash is gone, and a copy in place is not', async t => {
  const { root, blobs, trash, old, listed } = await store(t)
  const [gone, again] = [await old('gone'), await old('again')]
  for (const digest of [gone, again]) await trash.discard(digest, times)
  await blobs.put('again')

  const removed = new Map<Digest, boolean>()
  for (const one of await listed()) removed.set(one.digest, await trash.remove(one))

  assert.deepEqual(Object.fromEntries(removed), { [gone]: true, [again]: false })
  assert.deepEqual(
    [await blobs.find(gone), await blobs.find(again), await readdir(join(root, 'trash'))],
    [undefined, { digest: again, size: 5 }, []],
  )
})

test('what lies in the trash folder and is no blob of ours is left alone', async t => {
  const { root, trash, old, listed } = await store(t)
  const digest = await old('x')
  await trash.discard(digest, times)
  await writeFile(join(root, 'trash', digest, 'notes.txt'), 'mine')
  await writeFile(join(root, 'trash', 'readme'), 'mine')

  const [only, ...others] = await listed()

  assert.deepEqual([only, others], [{ digest, size: 1, at: now }, []])
  assert.equal(await trash.remove(only!), true)
  assert.deepEqual(await readdir(join(root, 'trash', digest)), ['notes.txt'])
})

test('what a crash left half written goes, what is being written stays', async t => {
  const { root, blobs, trash } = await store(t)
  await blobs.put('x')
  const [left, fresh] = [join(root, 'incoming', 'left'), join(root, 'incoming', 'fresh')]
  for (const file of [left, fresh]) await writeFile(file, 'half')
  await utimes(left, new Date(now - 2 * day), new Date(now - 2 * day))

  await trash.sweepIncoming(day)

  assert.deepEqual(await readdir(join(root, 'incoming')), ['fresh'])
})

test('a second database on the same folder is noticed by both', async t => {
  const { trash } = await store(t)

  assert.deepEqual(
    [await trash.claim('one'), await trash.claim('one'), await trash.claim('two'), await trash.claim('one')],
    [true, true, false, false],
  )
})
