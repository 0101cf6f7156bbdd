import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from '#http'
import { readTree } from '#storage'
import { deliveryRoutes } from './routes.ts'
import { files, openBench, rain, withFile } from './testing.ts'

test('a push to main is built, tested with the command of the repository, and delivered', async t => {
  const bench = await openBench(t)

  const commit = await bench.push(
    withFile(rain({ tests: 'echo tested $(ls | wc -l) && test -f trainyard.ts && test ! -e .git' })),
  )
  const [run, ...others] = await bench.ended('ci')

  const revision = await bench.projects.current('rain')
  assert.deepEqual(
    [run!.state, others, run!.actor, run!.commit, run!.code],
    ['succeeded', [], 'ada', commit, revision.code],
  )
  assert.deepEqual(
    (await bench.workflow.tasks(run!.id)).map(({ name, kind, state }) => `${name} ${kind} ${state}`),
    [
      'checkout delivery.checkout succeeded',
      'build delivery.build succeeded',
      'test run succeeded',
      'deliver delivery.deliver succeeded',
    ],
  )
  assert.match(await bench.logOf(run!, 'test'), /tested 5/)
  assert.match(await bench.logOf(run!, 'build'), /add models\.rain/)
  assert.deepEqual(
    [revision.commit, revision.actor, Object.keys(await readTree(bench.blobs, revision.code))],
    [commit, 'ada', [...Object.keys(files), 'trainyard.ts']],
  )
  assert.deepEqual(await bench.events('delivery.delivered'), [{ commit, revision: revision.id }])
})

test('a second push is a second build, and builds are listed newest first', async t => {
  const bench = await openBench(t)
  const first = await bench.push(withFile(rain()))
  const second = await bench.push({ 'a.sql': 'select 1' })
  await bench.ended('ci')

  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  deliveryRoutes(app, bench.delivery)
  const { items } = (await app.inject('/api/v1/projects/rain/builds')).json() as {
    items: { commit: string; subject: string; state: string; bundle: string }[]
  }

  const { code } = await bench.projects.current('rain')
  assert.deepEqual(
    items.map(({ commit, subject, state }) => [commit, subject, state]),
    [
      [second, 'Write a.sql', 'succeeded'],
      [first, `Write ${Object.keys(withFile({})).join(', ')}`, 'succeeded'],
    ],
  )
  assert.equal(items[0]!.bundle, code)
})

test('a project file with a typo fails the build with its field, and nothing is delivered', async t => {
  const bench = await openBench(t)

  await bench.push(withFile({ ...rain(), deploymnets: {} }))
  const [run] = await bench.ended('ci')

  assert.equal(run!.state, 'failed')
  assert.deepEqual(
    (await bench.workflow.tasks(run!.id)).map(({ name, state }) => [name, state]),
    [
      ['checkout', 'succeeded'],
      ['build', 'failed'],
      ['deliver', 'skipped'],
    ],
  )
  assert.match(run!.error ?? '', /deploymnets: no such field; did you mean deployments\?/)
  assert.equal(await bench.projects.find('rain'), undefined)
})

test('failing tests keep a push from being delivered', async t => {
  const bench = await openBench(t)
  await bench.push(withFile(rain()))
  await bench.ended('ci')

  await bench.push(withFile(rain({ tests: 'echo broken; exit 3' })))
  const [, run] = await bench.ended('ci')

  assert.deepEqual([run!.state, (await bench.projects.current('rain')).number], ['failed', 1])
  assert.match(await bench.logOf(run!, 'test'), /broken/)
})

test('a repository with no project file, or with that of another project, fails visibly', async t => {
  const bench = await openBench(t)

  await bench.push({ 'a.sql': '' })
  await bench.push(withFile({ ...rain(), name: 'snow' }))
  const runs = await bench.ended('ci')

  assert.deepEqual(
    runs.map(({ state, error = '' }) => [
      state,
      /no project file|name = "snow": rain, whose repository this is/.test(error),
    ]),
    [
      ['failed', true],
      ['failed', true],
    ],
  )
})

test('an older commit that ends late does not undo a newer one', async t => {
  const bench = await openBench(t)
  const go = join(bench.folder, 'go')
  const older = await bench.push(withFile(rain({ tests: `until [ -e ${go} ]; do sleep 0.05; done` })))
  const newer = await bench.push(withFile(rain({ tests: 'true' })))
  while ((await bench.projects.find('rain'))?.commit !== newer) await sleep(20)
  await writeFile(go, '')

  const [run] = await bench.ended('ci')

  assert.deepEqual(
    [(await bench.projects.current('rain')).commit, run!.commit, run!.state],
    [newer, older, 'succeeded'],
  )
  assert.match(await bench.logOf(run!, 'deliver'), new RegExp(`Commit ${newer} has been delivered meanwhile`))
})
