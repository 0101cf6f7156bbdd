import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { testEngines } from '#storage/testing.ts'
import { createPurge } from './purge.ts'
import { sqlPurgeStore } from './purge-store.sql.ts'
import { hour, openSweep } from './sweep-testing.ts'
import { openTracking } from './testing.ts'

const pathOf = (uri: string): string => uri.replace('mlflow-artifacts:/', '')

for (const engine of testEngines())
  test(`${engine.name}: the bytes of purged runs, their models and experiments are freed, and those that others have are not`, async t => {
    const root = await mkdtemp(join(tmpdir(), 'trainyard-purge-'))
    t.after(() => rm(root, { recursive: true }))
    const tracking = await openTracking(t, engine)
    const { experiments, runs, loggedModels, db } = tracking
    const { artifacts, blobs, sweep, advance, put } = openSweep(db, root)
    const trash = createPurge({ ...tracking, store: sqlPurgeStore(db), artifacts })
    const { id: doomed } = await experiments.create({ name: 'rain/doomed' })
    const [alone, inDoomed] = [await tracking.run('0'), await tracking.run(doomed)]
    const [modelOfRun, modelOfExperiment] = [
      await loggedModels.create({ experimentId: '0', sourceRunId: alone, params: [], tags: [] }),
      await loggedModels.create({ experimentId: doomed, params: [], tags: [] }),
    ]
    const owners = [await runs.get(alone), await runs.get(inDoomed), modelOfRun, modelOfExperiment]
    for (const [n, { artifactUri }] of owners.entries()) {
      await put(`${pathOf(artifactUri)}/own`, `file ${n}`)
      await put(`${pathOf(artifactUri)}/common`, 'common')
    }
    await put(`${pathOf((await runs.get(await tracking.run('0'))).artifactUri)}/common`, 'common')
    await runs.remove(alone)
    await experiments.remove(doomed)
    tracking.clock.advance(1_000)

    await trash.purge({ ageMs: 1 })
    for (let n = 0; n < 2; n++) {
      advance(25 * hour)
      await sweep.run()
    }

    const left = []
    for (const text of ['file 0', 'file 1', 'file 2', 'file 3', 'common'])
      left.push((await blobs.find(digestOf(text)))?.size)
    assert.deepEqual(
      [left, await artifacts.usage()],
      [[undefined, undefined, undefined, undefined, 6], [{ project: 'rain', files: 1, bytes: 6 }]],
    )
  })
