import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createApp } from '#http'
import type { Event } from '#kernel/event.ts'
import { fsBlobs, openDatabase, migrate, sqlUsage, usageMigrations } from '#storage'
import { storageMeter } from './storage-meter.ts'
import { storageRoutes } from './storage-routes.ts'
import { createStorageUse } from './storage-use.ts'

test('what a project stores is told by what it is of, to who may read it, and what all share to who may read all', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-storage-'))
  t.after(() => rm(folder, { recursive: true }))
  const db = openDatabase('sqlite::memory:')
  t.after(() => db.destroy())
  await migrate(db, usageMigrations)
  const [usage, blobs] = [sqlUsage(db), fsBlobs(join(folder, 'blobs'))]
  const [rows, raw, features] = [await blobs.put('rows'), await blobs.put('raw text'), await blobs.put('features')]
  await mkdir(join(folder, 'logs', 'run_1'), { recursive: true })
  await writeFile(join(folder, 'logs', 'run_1', 'train.log'), 'a line\n')
  const handlers = storageMeter({
    usage,
    data: { version: async () => ({ digest: rows.digest, raw: raw.digest }) as never },
    workflow: {
      made: async () => [
        { ref: 'dsv_1', digest: rows.digest },
        { ref: 'ftv_1', digest: features.digest },
        { digest: raw.digest, size: 100, files: 3 },
        { value: 5 },
      ],
    },
    blobs,
    logFolder: join(folder, 'logs'),
  })
  const happens = async (type: string, project: string, data: object): Promise<void> => {
    for (const handler of handlers.filter(each => each.type === type))
      await handler.handle({ project, data } as Event as Event<never>)
  }
  const use = createStorageUse({
    artifacts: { usage: async () => [{ project: 'default', files: 2, bytes: 10 }] },
    registeredVersions: { usage: async () => [{ project: 'rain', files: 1, bytes: 40 }] },
    serving: { usage: async () => [{ project: 'rain', files: 2, bytes: 50 }] },
    usage,
    environments: { list: async () => ({ items: [{ size: 30 }, {}, { size: 12 }] as never }) },
  })
  const told = async (readable: 'all' | string[]): Promise<{ items: object[]; environments?: object }> => {
    const app = await createApp({ version: '0' })
    app.addHook('onRequest', async request => void (request.readable = readable))
    storageRoutes(app, use)
    return (await app.inject('/api/v1/storage')).json()
  }

  // Told twice, as after a crash.
  for (let time = 0; time < 2; time++) {
    await happens('data.version_added', 'rain', { version: 'dsv_1' })
    await happens('data.version_added', 'snow', { version: 'dsv_2' })
    await happens('workflow.run_finished', 'rain', { run: 'run_1' })
  }

  const none = { files: 0, bytes: 0 }
  const nothing = {
    tracking: none,
    models: none,
    predictions: none,
    data: none,
    features: none,
    outputs: none,
    logs: none,
  }
  const rain = {
    project: 'rain',
    files: 10,
    bytes: 217,
    parts: {
      tracking: none,
      models: { files: 1, bytes: 40 },
      predictions: { files: 2, bytes: 50 },
      data: { files: 2, bytes: 12 },
      features: { files: 1, bytes: 8 },
      outputs: { files: 3, bytes: 100 },
      logs: { files: 1, bytes: 7 },
    },
  }
  const snow = { project: 'snow', files: 2, bytes: 12, parts: { ...nothing, data: { files: 2, bytes: 12 } } }
  const tracked = { files: 2, bytes: 10 }
  const others = { project: 'default', ...tracked, parts: { ...nothing, tracking: tracked } }
  assert.deepEqual(await told('all'), { items: [others, rain, snow], environments: { files: 2, bytes: 42 } })
  assert.deepEqual(await told(['snow']), { items: [snow] })
})
