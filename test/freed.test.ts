import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobReferences } from '../src/composition/blob-references.ts'
import type { Millis } from '../src/kernel/clock.ts'
import { digestOf } from '../src/kernel/digest.ts'
import { fsBlobTrash, referredTo } from '../src/storage/index.ts'
import { createArtifactSweep, sqlArtifactStore } from '../src/tracking/index.ts'
import { openStage, secretProject, type Stage } from './authorisation-stage.ts'

/** What clients logged, registered, deleted and purged leaves the disk; its lineage and the events that name it stay. */

const day = 24 * 3_600_000

async function send(stage: Stage, method: 'DELETE' | 'POST' | 'PUT', path: string, payload: object): Promise<unknown> {
  const { status, body } = await stage.ask('manager', { method, url: `/api/2.0/${path}`, payload })
  assert.equal(status, 200, `${method} ${path}: ${body}`)
  return JSON.parse(body)
}

test('bytes of a purged run are freed once the versions made of it are deleted too, and not before', async t => {
  const stage = await openStage(t)
  const { parts, db } = stage
  const { blobs } = parts
  let ahead = 0
  const sweep = createArtifactSweep({
    store: sqlArtifactStore(db),
    trash: fsBlobTrash(join(stage.data, 'blobs')),
    referredTo: (asked, signal) => referredTo({ db, blobs, ...blobReferences }, asked, signal),
    clock: { now: () => (Date.now() + ahead) as Millis },
    owner: 'test',
    graceMs: day,
    newName: randomUUID,
  })
  const pass = async (): Promise<readonly (number | undefined)[]> => {
    for (let n = 0; n < 2; n++) {
      ahead += day + 3_600_000
      await sweep.run()
    }
    const found = ['weights', 'notes', 'common'].map(text => blobs.find(digestOf(JSON.stringify({ text }))))
    return (await Promise.all(found)).map(blob => blob?.size)
  }
  const { experiment_id } = (await send(stage, 'POST', 'mlflow/experiments/create', {
    name: `${secretProject}/fit`,
  })) as { experiment_id: string }
  const begin = async (): Promise<string> => {
    const { run } = (await send(stage, 'POST', 'mlflow/runs/create', { experiment_id })) as {
      run: { info: { run_id: string } }
    }
    return run.info.run_id
  }
  const put = (run: string, path: string, text: string): Promise<unknown> =>
    send(stage, 'PUT', `mlflow-artifacts/artifacts/${experiment_id}/${run}/artifacts/${path}`, { text })
  const [doomed, kept] = [await begin(), await begin()]
  await put(doomed, 'model/MLmodel', 'weights')
  await put(doomed, 'notes.json', 'notes')
  await put(doomed, 'common.json', 'common')
  await put(kept, 'common.json', 'common')
  const name = `${secretProject}.umbrella`
  await send(stage, 'POST', 'mlflow/registered-models/create', { name })
  const source = `mlflow-artifacts:/${experiment_id}/${doomed}/artifacts/model`
  await send(stage, 'POST', 'mlflow/model-versions/create', { name, source, run_id: doomed })
  await send(stage, 'POST', 'mlflow/registered-models/alias', { name, alias: 'best', version: '1' })
  const used = async (): Promise<number> =>
    (await parts.artifacts.usage()).reduce((bytes, { bytes: own }) => bytes + own, 0)
  const [weights, notes, common] = ['weights', 'notes', 'common'].map(text => JSON.stringify({ text }).length)
  const before = await used()
  await send(stage, 'POST', 'mlflow/runs/delete', { run_id: doomed })
  await parts.trash.purge({ ageMs: -1_000 })

  assert.deepEqual([before, await used()], [weights! + notes! + 2 * common!, common])
  assert.deepEqual(await pass(), [weights, undefined, common], 'while the version is there')
  await send(stage, 'DELETE', 'mlflow/model-versions/delete', { name, version: '1' })
  assert.deepEqual(await pass(), [undefined, undefined, common], 'when it is not')
  const node = await parts.ledger.node(doomed)
  assert.equal(typeof node?.facts['purged'], 'number')
})
