import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBench, type Bench } from './testing.ts'

/** A clone with one commit that was pushed. */
async function pushedOnce(bench: Bench): Promise<{ work: string; commit: string; remote: string }> {
  const { url: remote } = await bench.repositories.create('rain')
  const work = join(bench.folder, 'work')
  await bench.client(bench.folder, 'clone', '--quiet', remote, work)
  const commit = await commitFile(bench, work, 'a.txt', 'one')
  await bench.client(work, 'push', '--quiet', 'origin', 'main')
  return { work, commit, remote }
}

async function commitFile({ client }: Bench, work: string, name: string, content: string): Promise<string> {
  await mkdir(join(work, name, '..'), { recursive: true })
  await writeFile(join(work, name), content)
  await client(work, 'add', '.')
  await client(work, 'commit', '--quiet', '--message', `Write ${name}`)
  return client(work, 'rev-parse', 'HEAD')
}

test('what is pushed is cloned, and each push is announced with its predecessor before the client hears of its end', async t => {
  const bench = await openBench(t)

  const { work, commit, remote } = await pushedOnce(bench)
  const second = await commitFile(bench, work, 'b.txt', 'two')
  await bench.client(work, 'push', '--quiet', 'origin', 'main')

  assert.deepEqual(await bench.pushed(), [
    { project: 'rain', branch: 'main', after: commit },
    { project: 'rain', branch: 'main', before: commit, after: second },
  ])
  assert.deepEqual(
    (await bench.outbox.after(0, 10)).map(event => event.actor),
    ['ada', 'ada'],
  )
  await bench.client(bench.folder, 'clone', '--quiet', remote, 'copy')
  assert.equal(await bench.client(join(bench.folder, 'copy'), 'rev-parse', 'HEAD'), second)
  assert.deepEqual(await bench.repositories.log('rain', { limit: 1 }), [
    { commit: second, author: 'Ada', at: 1_000_000_000_000, subject: 'Write b.txt' },
  ])
  assert.deepEqual(
    [
      await bench.repositories.contains('rain', commit, second),
      await bench.repositories.contains('rain', second, commit),
    ],
    [true, false],
  )
  assert.deepEqual(bench.warnings, [])
})

test('the API tells where to push and what was pushed', async t => {
  const bench = await openBench(t)
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${bench.url}/api/v1/projects/rain/${path}`)).json()

  assert.deepEqual(await ask('repository'), {
    project: 'rain',
    url: `${bench.url}/git/rain.git`,
    createdAt: 1_000_000_000_000,
  })
  assert.deepEqual(await ask('commits'), { items: [] })
  const { commit } = await pushedOnce(bench)

  assert.deepEqual(await ask('repository'), {
    project: 'rain',
    url: `${bench.url}/git/rain.git`,
    head: commit,
    createdAt: 1_000_000_000_000,
  })
  assert.deepEqual(await ask('commits'), {
    items: [{ commit, author: 'Ada', at: 1_000_000_000_000, subject: 'Write a.txt' }],
  })
})

test('history is neither rewritten nor deleted, and internal refs are not written', async t => {
  const bench = await openBench(t)
  const { work, commit } = await pushedOnce(bench)
  await bench.client(work, 'commit', '--quiet', '--amend', '--message', 'Other')

  await assert.rejects(bench.client(work, 'push', '--force', 'origin', 'main'), /denying non-fast-forward/)
  await assert.rejects(bench.client(work, 'push', 'origin', ':main'), /deletion prohibited/)
  await assert.rejects(bench.client(work, 'push', 'origin', 'HEAD:refs/keep/1'), /hidden ref/)

  assert.equal(await bench.repositories.head('rain'), commit)
  assert.equal((await bench.pushed()).length, 1)
})

for (const version of ['0', '2']) {
  test(`a repository of 300 branches is cloned, whole and shallow, in protocol ${version}, whose requests are compressed`, async t => {
    const bench = await openBench(t)
    const { work, commit, remote } = await pushedOnce(bench)
    const next = await commitFile(bench, work, 'b.txt', 'two')
    const tip = await bench.client(work, 'commit-tree', '-p', next, '-m', 'tip', 'HEAD^{tree}')
    await Promise.all(
      Array.from({ length: 3 }, async (_, block) => {
        const refs = Array.from({ length: 100 }, (_, index) => `${tip}:refs/heads/b${block * 100 + index}`)
        return block === 0 ? bench.client(work, 'push', '--quiet', 'origin', ...refs) : undefined
      }),
    )
    await bench.client(
      work,
      'push',
      '--quiet',
      'origin',
      'main',
      ...Array.from({ length: 200 }, (_, index) => `${tip}:refs/heads/c${index}`),
    )

    await bench.client(bench.folder, '-c', `protocol.version=${version}`, 'clone', '--quiet', remote, 'whole')
    await bench.client(
      bench.folder,
      '-c',
      `protocol.version=${version}`,
      'clone',
      '--quiet',
      '--depth=1',
      '--no-single-branch',
      remote,
      'shallow',
    )
    await bench.client(
      join(bench.folder, 'shallow'),
      '-c',
      `protocol.version=${version}`,
      'fetch',
      '--quiet',
      '--unshallow',
    )

    const refs = async (copy: string): Promise<number> =>
      (await bench.client(join(bench.folder, copy), 'for-each-ref', 'refs/remotes/origin/')).split('\n').length
    assert.deepEqual([await refs('whole'), await refs('shallow')], [302, 302])
    assert.equal(await bench.client(join(bench.folder, 'shallow'), 'rev-list', '--count', 'HEAD'), '2')
    assert.equal((await bench.pushed()).length, 302)
    assert.deepEqual([bench.warnings, await bench.repositories.head('rain', 'b7'), commit === next], [[], tip, false])
  })
}

test('a push larger than the buffers of client and server arrives', async t => {
  const bench = await openBench(t)
  const { work } = await pushedOnce(bench)
  const { randomBytes } = await import('node:crypto')
  await writeFile(join(work, 'large.bin'), randomBytes(20 * 1024 * 1024))
  const commit = await commitFile(bench, work, 'b.txt', 'two')

  await bench.client(work, 'push', '--quiet', 'origin', 'main')

  assert.equal(await bench.repositories.head('rain'), commit)
})

test('a push that a crash kept from being announced is announced once at the next start', async t => {
  const bench = await openBench(t)
  const { work, commit } = await pushedOnce(bench)
  const second = await commitFile(bench, work, 'b.txt', 'two')
  const { folder } = (await bench.repositories.place('rain'))!
  // Past the server: git has the commit, the platform was not told.
  await bench.client(work, 'push', '--quiet', folder, 'main')

  await bench.repositories.start()
  await Promise.all([bench.repositories.scan(), bench.repositories.scan({ project: 'rain' })])

  assert.deepEqual((await bench.pushed()).slice(1), [
    { project: 'rain', branch: 'main', before: commit, after: second },
  ])
})

test('a checkout has the files of the commit, executable ones too, and no history', async t => {
  const bench = await openBench(t)
  const { work, commit } = await pushedOnce(bench)
  await commitFile(bench, work, 'sub/b.txt', 'two')
  await bench.client(work, 'push', '--quiet', 'origin', 'main')
  const [before, after] = [join(bench.folder, 'before'), join(bench.folder, 'after')]

  await bench.repositories.checkout('rain', commit, before)
  await bench.repositories.checkout('rain', (await bench.repositories.head('rain'))!, after)

  assert.deepEqual(
    [await readdir(before), (await readdir(after, { recursive: true })).toSorted()],
    [['a.txt'], ['a.txt', 'sub', 'sub/b.txt']],
  )
  assert.equal(await readFile(join(after, 'sub', 'b.txt'), 'utf8'), 'two')
  await assert.rejects(bench.repositories.checkout('rain', 'f'.repeat(40), after), { code: 'not_found' })
  await assert.rejects(bench.repositories.checkout('rain', '--upload-pack=x', after), { code: 'invalid' })
})

test('only known repositories, the smart protocol and git bodies pass', async t => {
  const bench = await openBench(t)
  await bench.repositories.create('rain')
  // Below fetch, which would tidy the path before it is sent.
  const status = (method: string, path: string, headers = {}): Promise<number> =>
    new Promise((resolve, reject) =>
      request(`${bench.url}/`, { method, path, headers }, answer => resolve(answer.resume().statusCode!))
        .on('error', reject)
        .end(),
    )
  const [fetching, git] = [
    'info/refs?service=git-upload-pack',
    { 'content-type': 'application/x-git-upload-pack-request' },
  ]

  assert.deepEqual(
    [
      await status('GET', `/git/rain.git/${fetching}`),
      await status('GET', `/git/snow.git/${fetching}`),
      await status('GET', `/git/x/../rain.git/${fetching}`),
      await status('GET', `/git/%2e%2e/rain.git/${fetching}`),
      await status('GET', '/git/rain.git/info/refs'),
      await status('GET', '/git/rain.git/config'),
      await status('POST', '/git/rain.git/git-upload-pack', { 'content-type': 'text/plain' }),
      await status('POST', '/git/rain.git/git-upload-pack', { ...git, 'content-encoding': 'br' }),
    ],
    [200, 404, 404, 404, 403, 404, 422, 422],
  )
})

test('a client that goes away takes its git with it', async t => {
  const bench = await openBench(t)
  const { url } = await bench.repositories.create('rain')
  const headers = { 'content-type': 'application/x-git-receive-pack-request', 'transfer-encoding': 'chunked' }
  const pushing = request(`${url}/git-receive-pack`, { method: 'POST', headers }).on('error', () => {})
  pushing.write('0094')
  await new Promise(resolve => setTimeout(resolve, 200))

  pushing.destroy()
  for (let waited = 0; bench.warnings.length === 0 && waited < 3_000; waited += 20)
    await new Promise(resolve => setTimeout(resolve, 20))

  assert.deepEqual(
    bench.warnings.map(facts => ({ ...facts, said: '' })),
    [{ project: 'rain', service: 'git-receive-pack', code: undefined, said: '' }],
  )
})

test('a repository whose folder was never finished is finished when it is asked for, and old halves of pushes go', async t => {
  const bench = await openBench(t)
  const { url } = await bench.repositories.create('rain')
  const { folder } = (await bench.repositories.place('rain'))!
  await rm(folder, { recursive: true })

  assert.match(await bench.client(bench.folder, 'ls-remote', url), /^$/)
  const half = join(folder, 'objects', 'tmp_objdir-incoming-x')
  await mkdir(half)
  await utimes(half, 1, 1)
  await bench.repositories.scan()

  assert.deepEqual(
    (await readdir(join(folder, 'objects'))).filter(name => name.startsWith('tmp')),
    [],
  )
})
