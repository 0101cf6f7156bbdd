import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { guard, type Access } from '#access'
import { createApp, type App } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { digestOf } from '#kernel/digest.ts'
import { fsBlobs, type Blobs, type Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import {
  artifactMigrations,
  artifactRoutes,
  createArtifacts,
  createUploads,
  fsUploadParts,
  sqlArtifactStore,
  sqlUploadStore,
  type ArtifactSweep,
} from '#tracking'
import type { ArtifactRouteParts } from './artifact-bytes.ts'
import { artifactStreams } from './artifact-bytes.ts'
import { artifactCalls } from './artifacts.ts'
import { mlflowRoutes } from './routes.ts'
import { uploadCalls, uploadStreams } from './uploads.ts'

export interface TestArtifacts {
  readonly app: App
  readonly db: Db
  readonly blobs: Blobs
  readonly parts: ArtifactRouteParts
  readonly clock: ReturnType<typeof manualClock>
  /** All files of the blob folder. */
  stored(): Promise<readonly string[]>
}

/** The artifact routes over SQLite: experiment 1 is of project rain, run `r1` is in it, version `mdv_1` is frozen. */
export async function testArtifacts(t: TestContext): Promise<TestArtifacts> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-artifacts-'))
  t.after(() => rm(folder, { recursive: true }))
  const db = await testEngines()[0]!.open(t, artifactMigrations)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const clock = manualClock(1_000_000)
  const store = sqlArtifactStore(db)
  const artifacts = createArtifacts({ db, store, blobs, clock })
  const frozen = await blobs.put('frozen')
  const known = <Value>(what: string, values: Readonly<Record<string, Value>>) => ({
    async get(id: string): Promise<Value> {
      if (!Object.hasOwn(values, id)) throw notFound(what, id)
      return values[id]!
    },
  })
  const parts: ArtifactRouteParts = {
    artifacts,
    experiments: known('experiment', { '1': { project: 'rain' }, '2': { project: 'sun' } }),
    runs: known('run', {
      r1: { project: 'rain', experimentId: '1', artifactUri: 'mlflow-artifacts:/1/r1/artifacts' },
      elsewhere: { project: 'rain', experimentId: '1', artifactUri: 's3://bucket/1' },
      moved: { project: 'rain', experimentId: '1', artifactUri: 'mlflow-artifacts:/lake/deep/moved/artifacts' },
      crooked: { project: 'rain', experimentId: '1', artifactUri: 'mlflow-artifacts:/1/../2/r9/artifacts' },
    }),
    loggedModels: known('logged model', {
      'm-1': { project: 'rain', experimentId: '1', artifactUri: 'mlflow-artifacts:/1/models/m-1/artifacts' },
    }),
    registry: {
      version: id => known('model version', { mdv_1: { project: 'rain', fullName: 'rain.umbrella' } }).get(id),
      files: async () => ({ 'data/model.onnx': { ...frozen, executable: false } }),
    },
    versionUri: async (_, version) => `mlflow-artifacts:/model-versions/mdv_${version}`,
  }
  const uploads = createUploads({
    db,
    store: sqlUploadStore(db),
    parts: fsUploadParts(join(folder, 'blobs', 'uploads')),
    artifacts,
    secret: () => store.secret('urls', digestOf(folder)),
    clock,
  })
  const app = await createApp({ version: '0' })
  guard(app, { access: {} as Access, host: '127.0.0.1', reachOf: () => 'caller' })
  artifactRoutes(app, {} as ArtifactSweep)
  const uploadParts = { ...parts, uploads }
  mlflowRoutes(
    app,
    [artifactCalls(parts), uploadCalls(uploadParts)],
    [artifactStreams(parts), uploadStreams(uploadParts)],
  )
  t.after(() => app.close())
  return {
    app,
    db,
    blobs,
    parts,
    clock,
    stored: async () =>
      (await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true }))
        .filter(entry => entry.isFile())
        .map(entry => entry.name),
  }
}
