import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { durationMs } from '#kernel/duration.ts'
import { fsBlobTrash, referredTo, type Blobs } from '#storage'
import {
  createArtifacts,
  createArtifactSweep,
  createPurge,
  createStorageKeeper,
  createUploads,
  fsUploadParts,
  sqlArtifactStore,
  sqlPurgeStore,
  sqlUploadStore,
} from '#tracking'
import type { Ledger } from '#metadata'
import type { Traces } from '#traces'
import { blobReferences } from './blob-references.ts'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'

/** Files of runs and models; those that come in parts wait beside the blobs, on the same disk. */
export function composeArtifacts(
  { config, db, clock, owner }: Pick<Surroundings, 'config' | 'db' | 'clock' | 'owner'>,
  { blobs, folder }: { blobs: Blobs; folder: string },
): Pick<Composition, 'artifacts' | 'artifactSweep' | 'uploads'> {
  const store = sqlArtifactStore(db)
  const artifacts = createArtifacts({ db, clock, blobs, store })
  const uploads = createUploads({
    db,
    clock,
    store: sqlUploadStore(db),
    parts: fsUploadParts(join(folder, 'uploads')),
    artifacts,
    secret: () => store.secret('urls', randomBytes(32).toString('hex')),
  })
  const artifactSweep = createArtifactSweep({
    store,
    trash: fsBlobTrash(folder),
    referredTo: (asked, signal) => referredTo({ db, blobs, ...blobReferences }, asked, signal),
    clock,
    owner,
    graceMs: durationMs(config.blobGrace),
    newName: randomUUID,
  })
  return { artifacts, artifactSweep, uploads }
}

/** What is deleted, until it ends: by hand, or by itself after the time that is set. */
export function composeTrash(
  { config, db, clock, warn }: Pick<Surroundings, 'config' | 'db' | 'clock' | 'warn'>,
  { ledger, files, traces }: { ledger: Ledger; files: ReturnType<typeof composeArtifacts>; traces: Traces },
): Pick<Composition, 'trash' | 'storageKeeper'> {
  const trash = createPurge({
    db,
    clock,
    ledger,
    ...files,
    store: sqlPurgeStore(db),
    // The traces of an experiment end with it, all of them.
    endExperiment: async id => void (await traces.remove(id, { until: Number.MAX_SAFE_INTEGER })),
  })
  const trashMs = config.trashRetention === '' ? undefined : durationMs(config.trashRetention)
  return { trash, storageKeeper: createStorageKeeper({ ...files, trash, trashMs, warn }) }
}
