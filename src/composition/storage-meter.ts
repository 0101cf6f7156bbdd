import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { versionAdded, type Data } from '#data'
import type { Digest } from '#kernel/digest.ts'
import { on, type Amount, type Blobs, type Handler, type Usage } from '#storage'
import { runFinished, type Artifact, type Workflow } from '#workflow'

/** What is measured when it is made; it is never removed. */
export const meteredKinds = ['data', 'features', 'outputs', 'logs'] as const
type MeteredKind = (typeof meteredKinds)[number]

export interface MeterParts {
  readonly usage: Pick<Usage, 'put'>
  readonly data: Pick<Data, 'version'>
  readonly workflow: Pick<Workflow, 'made'>
  readonly blobs: Pick<Blobs, 'find'>
  /** With a folder for each run. */
  readonly logFolder: string
}

/**
 * Measures what projects come to have in files, as events tell of it: bytes by their digest, once in a project and kind;
 * the logs of a run, and what its tasks have given, when it ends.
 */
export function storageMeter({ usage, data, workflow, blobs, logFolder }: MeterParts): readonly Handler[] {
  const heldBlob = async (
    project: string,
    kind: MeteredKind,
    digest: Digest,
    known: { files?: number | undefined; bytes?: number | undefined } = {},
  ) => ({
    project,
    kind,
    owner: digest,
    files: known.files ?? 1,
    bytes: known.bytes ?? (await blobs.find(digest))?.size ?? 0,
  })

  return [
    on(versionAdded, async ({ project, data: { version } }) => {
      const { digest, raw } = await data.version(version)
      for (const each of raw === undefined ? [digest] : [digest, raw])
        await usage.put([await heldBlob(project!, 'data', each)])
    }),
    on(runFinished, async ({ project, data: { run } }) => {
      const held = []
      for (const { digest, size, files, ref } of await workflow.made(run)) {
        const kind = kindOf(ref)
        if (digest !== undefined && kind) held.push(await heldBlob(project!, kind, digest, { files, bytes: size }))
      }
      const logs = await folderSize(join(logFolder, run))
      await usage.put([...held, { project: project!, kind: 'logs', owner: run, ...logs }])
    }),
  ]
}

/** Of which kind an output is, by the node of the ledger that it is: datasets and model versions are counted as such. */
function kindOf(ref: Artifact['ref']): MeteredKind | undefined {
  if (ref === undefined) return 'outputs'
  if (/^(ftv|trs)_/.test(ref)) return 'features'
  return /^(dsv|mdv)_/.test(ref) ? undefined : 'outputs'
}

async function folderSize(folder: string): Promise<Amount> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(names.map(name => stat(join(folder, name)).then(({ size }) => size)))
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}
