import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, type Digest } from '../src/kernel/digest.ts'
import { newId } from '../src/kernel/id.ts'
import { canonicalJson } from '../src/kernel/json.ts'
import { rain } from '../src/project/example.ts'
import { fillMlflow } from './authorisation-mlflow.ts'
import { fillNative, openStage, secretProject, type Persona, type Stage } from './authorisation-stage.ts'

/** Bytes are read through what a caller may read: to know a digest is not enough. */

const everyone = ['viewer', 'manager', 'administrator', 'other', 'stranger'] as const

async function read(stage: Stage, digest: Digest, of?: string): Promise<Partial<Record<Persona, number>>> {
  const seen: Partial<Record<Persona, number>> = {}
  for (const persona of everyone) {
    const url = `/api/v1/blobs/${digest}${of === undefined ? '' : `?of=${of}`}`
    seen[persona] = (await stage.ask(persona, { url })).status
  }
  return seen
}

const ofProject = { viewer: 200, manager: 200, administrator: 200, other: 404, stranger: 404 }
const ofNobody = { viewer: 404, manager: 404, administrator: 200, other: 404, stranger: 404 }

test('bytes are read by who may read a node, a version or a task that they are of', async t => {
  const stage = await openStage(t)
  const { blobs, ledger, registry } = stage.parts
  await fillNative(stage)
  const { digest } = await blobs.put('rows of a dataset')
  const node = { id: newId('dsv'), kind: 'dataset_version', label: 'rows', project: secretProject } as const
  await stage.db.transaction().execute(tx => ledger.record(tx, { ...node, facts: { digest } }))
  await fillMlflow(stage)
  const [version] = (await registry.versions(secretProject, 'zq7model', { limit: 1 })).items
  const [file] = Object.values(await registry.files(version!.id))
  const unnamed = (await blobs.put('nobody names this')).digest

  assert.deepEqual(
    [
      await read(stage, digest),
      await read(stage, digest, 'dsv_nothing'),
      await read(stage, file!.digest, version!.id),
      await read(stage, file!.digest),
      await read(stage, unnamed, version!.id),
    ],
    [ofProject, ofProject, ofProject, ofNobody, ofNobody],
  )
})

test('code names only bytes that its sender has sent, or that the project has', async t => {
  const stage = await openStage(t)
  await fillNative(stage)
  const secret = digestOf('secret')
  await stage.parts.blobs.put('secret')
  const named = ['features/transform.sql', 'features/engineer.sql', 'labels/rain.sql']
  const file = { digest: secret, size: 6, executable: false }
  const tree = canonicalJson(Object.fromEntries(named.map(path => [path, file])))
  const send = async (persona: Persona, bytes: string): Promise<number> => {
    const headers = { 'content-type': 'application/octet-stream' }
    const url = `/api/v1/blobs/${digestOf(bytes)}`
    return (await stage.ask(persona, { method: 'PUT', url, headers, payload: bytes })).status
  }
  const missing = async (): Promise<unknown> => {
    const asked = { method: 'POST', url: '/api/v1/blobs/missing', payload: { digests: [secret] } } as const
    return JSON.parse((await stage.ask('other', asked)).body)
  }
  const apply = async (): Promise<readonly [number, number]> => {
    const payload = { spec: { ...rain(), name: 'snow' }, code: digestOf(tree) }
    const plan = await stage.ask('other', { method: 'POST', url: '/api/v1/projects/snow/plan', payload })
    const applied = await stage.ask('other', { method: 'PUT', url: '/api/v1/projects/snow', payload })
    return [plan.status, applied.status]
  }
  assert.equal(await send('other', tree), 200)
  const before = [await missing(), await apply()]
  assert.equal(await send('other', 'secret'), 200)

  assert.deepEqual(
    [before, await missing(), await apply()],
    [[{ missing: [secret] }, [422, 422]], { missing: [] }, [200, 200]],
  )
})
