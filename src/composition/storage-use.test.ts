import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createApp } from '#http'
import { digestOf } from '#kernel/digest.ts'
import { fsBlobs } from '#storage'
import { storageRoutes } from './storage-routes.ts'
import { createStorageUse } from './storage-use.ts'

test('what a project stores is told by what it is of, to who may read it, and what all share to who may read all', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-storage-'))
  t.after(() => rm(folder, { recursive: true }))
  const blobs = fsBlobs(join(folder, 'blobs'))
  const [rows, features] = [await blobs.put('rows'), await blobs.put('features')]
  await mkdir(join(folder, 'logs', 'run_2'), { recursive: true })
  await writeFile(join(folder, 'logs', 'run_2', 'train.log'), 'a line\n')
  const names = ['rain', 'snow']
  const use = createStorageUse({
    artifacts: { usage: async () => [{ project: 'default', files: 2, bytes: 10 }] },
    data: {
      held: async () => [
        ...names.map(project => ({ project, digest: rows.digest })),
        { project: 'rain', digest: digestOf('long gone') },
      ],
    },
    features: { held: async () => [{ project: 'rain', digest: features.digest }] },
    // Two pages, of which the run of the second has a log.
    workflow: {
      runs: async ({ project }, { after }) => ({
        items: [{ id: after === undefined ? 'run_1' : 'run_2' }] as never,
        ...(after === undefined && project === 'rain' && { next: 'run_1' }),
      }),
    },
    environments: { list: async () => ({ items: [{ size: 30 }, {}, { size: 12 }] as never }) },
    projects: { list: async () => ({ items: names.map(name => ({ name })) as never }) },
    blobs,
    logFolder: join(folder, 'logs'),
  })
  const told = async (readable: 'all' | string[]): Promise<{ items: object[]; environments?: object }> => {
    const app = await createApp({ version: '0' })
    app.addHook('onRequest', async request => void (request.readable = readable))
    storageRoutes(app, use)
    return (await app.inject('/api/v1/storage')).json()
  }

  const none = { files: 0, bytes: 0 }
  const rain = {
    project: 'rain',
    files: 3,
    bytes: 19,
    parts: {
      tracking: none,
      data: { files: 1, bytes: 4 },
      features: { files: 1, bytes: 8 },
      logs: { files: 1, bytes: 7 },
    },
  }
  const snow = {
    project: 'snow',
    files: 1,
    bytes: 4,
    parts: { tracking: none, data: { files: 1, bytes: 4 }, features: none, logs: none },
  }
  const tracked = { files: 2, bytes: 10 }
  const others = {
    project: 'default',
    ...tracked,
    parts: { tracking: tracked, data: none, features: none, logs: none },
  }
  assert.deepEqual(await told('all'), { items: [others, rain, snow], environments: { files: 2, bytes: 42 } })
  assert.deepEqual(await told(['snow']), { items: [snow] })
})
