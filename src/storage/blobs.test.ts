import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { fsBlobs } from './blobs.ts'
import { checkoutTree, putTree, treeFile } from './tree.ts'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-blobs-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

test('bytes are found by their digest and stored once', async t => {
  const root = await folder(t)
  const blobs = fsBlobs(root)

  const first = await blobs.put('weather')
  const again = await blobs.put(Readable.from([Buffer.from('wea'), Buffer.from('ther')]))

  assert.deepEqual(
    [first, again, (await blobs.bytes(first.digest)).toString()],
    [{ digest: digestOf('weather'), size: 7 }, first, 'weather'],
  )
  assert.deepEqual(await readdir(join(root, 'incoming')), [])
})

test('chunks of a stream of bytes are given away with it, those of a stream of objects stay their maker’s', async t => {
  const blobs = fsBlobs(await folder(t))
  const [given, kept] = [Buffer.alloc(10_000, 'a'), Buffer.alloc(10_000, 'a')]

  const first = await blobs.put(Readable.from([given], { objectMode: false }))
  const second = await blobs.put(Readable.from([kept]))

  assert.deepEqual(
    [first, second, given.length, kept.toString()],
    [{ digest: digestOf('a'.repeat(10_000)), size: 10_000 }, first, 0, 'a'.repeat(10_000)],
  )
})

test('a source that fails leaves nothing behind', async t => {
  const root = await folder(t)
  const blobs = fsBlobs(root)
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half')
      throw new Error('the cable was pulled')
    })(),
  )

  await assert.rejects(blobs.put(broken), /cable/)

  assert.deepEqual([await readdir(join(root, 'incoming')), await blobs.find(digestOf('half'))], [[], undefined])
})

test('bytes that changed on disk are never handed out', async t => {
  const root = await folder(t)
  const blobs = fsBlobs(root)
  const { digest } = await blobs.put('weather')
  await writeFile(join(root, 'sha256', digest.slice(0, 2), digest), 'wether')

  await assert.rejects(blobs.bytes(digest), { code: 'unavailable', message: /is damaged on disk/ })
  await assert.rejects(blobs.path(digest), { code: 'unavailable' })
})

test('an unknown digest is refused by name', async t => {
  await assert.rejects(fsBlobs(await folder(t)).bytes(digestOf('x')), { code: 'not_found' })
})

test('blobs are listed by the page, in the order of their digests, whatever is added meanwhile', async t => {
  const blobs = fsBlobs(await folder(t))
  assert.deepEqual(await blobs.list({ limit: 10 }), { items: [] })
  const made = []
  for (let index = 0; index < 20; index++) made.push(await blobs.put(`${index}`.repeat(index + 1)))

  const listed = []
  let after: string | undefined
  do {
    const page = await blobs.list({ limit: 3, after })
    listed.push(...page.items)
    after = page.next
  } while (after !== undefined)

  assert.deepEqual(
    listed,
    made.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
  )
})

test('a tree gives back the folder that it was made from, without what is never code', async t => {
  const source = await folder(t)
  const blobs = fsBlobs(await folder(t))
  await mkdir(join(source, 'tasks'))
  await mkdir(join(source, 'node_modules'))
  await writeFile(join(source, 'tasks/train.ts'), 'export {}', { mode: 0o755 })
  await writeFile(join(source, 'node_modules/x.js'), 'no')
  const target = join(await folder(t), 'checkout')

  const digest = await putTree(blobs, source)
  await checkoutTree(blobs, digest, target)

  assert.deepEqual(
    [await readdir(target), await readFile(join(target, 'tasks/train.ts'), 'utf8'), digest],
    [['tasks'], 'export {}', await putTree(blobs, target)],
  )
  assert.equal((await treeFile(blobs, digest, 'tasks/train.ts')).text, 'export {}')
  await assert.rejects(treeFile(blobs, digest, 'tasks/tests.ts'), { code: 'not_found' })
})

test('a link to what is in the folder is kept as that; one that leads elsewhere is refused', async t => {
  const source = await folder(t)
  const blobs = fsBlobs(await folder(t))
  await mkdir(join(source, 'epochs/2'), { recursive: true })
  await writeFile(join(source, 'epochs/2/model'), 'weights')
  await symlink('epochs/2', join(source, 'last'))
  await symlink(join(source, 'last'), join(source, 'best'))
  await symlink('2/model', join(source, 'epochs/model'))
  const target = join(await folder(t), 'checkout')

  await checkoutTree(blobs, await putTree(blobs, source), target)
  const refused = []
  for (const leads of ['/etc/hostname', '../elsewhere', 'nowhere', 'round']) {
    await symlink(leads, join(source, 'round'))
    refused.push(await putTree(blobs, source).catch((error: { detail: unknown }) => error.detail))
    await rm(join(source, 'round'))
  }

  const kept = await readdir(target, { recursive: true, withFileTypes: true })
  const allowed = 'a file, or a link to what is in the folder; not a socket or device'
  assert.deepEqual(
    [
      kept
        .filter(entry => entry.isFile())
        .map(({ parentPath, name }) => relative(target, join(parentPath, name)))
        .toSorted(),
      refused,
    ],
    [
      ['best/model', 'epochs/2/model', 'epochs/model', 'last/model'],
      Array.from({ length: 4 }, () => ({ problems: [{ field: 'round', allowed }] })),
    ],
  )
})

test('a tree that reaches outside its folder is refused', async t => {
  const blobs = fsBlobs(await folder(t))
  const { digest: file } = await blobs.put('x')
  const { digest } = await blobs.put(JSON.stringify({ '../escape': { digest: file, size: 1, executable: false } }))

  await assert.rejects(checkoutTree(blobs, digest, join(await folder(t), 'inner')), { code: 'invalid' })
})
