import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { exportTables, type ExportTable } from './export-columns.ts'
import { createExportTables, type Cell } from './export-tables.ts'
import { filesBelow } from './folder.ts'
import type { Progress } from './progress.ts'
import type { CarriedExperiment, CarriedFile, CarriedLoggedModel, CarriedModel, CarriedRun, Source } from './record.ts'

export interface ExportReport {
  readonly folder: string
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
  readonly files: number
  readonly bytes: number
}

export interface ExportChoices {
  readonly progress: Progress
  /** Writes more into the folder, before it is summed up; answers rows by table. */
  more?(folder: string): Promise<Readonly<Record<string, number>>>
}

/** Writes rows of the tables of an export. */
interface Writer {
  row(table: ExportTable, row: Readonly<Record<string, Cell>>): Promise<void>
  files(
    owner: { kind: 'run' | 'logged_model' | 'model_version'; id: string; folder: string },
    files: AsyncIterable<CarriedFile>,
  ): Promise<void>
}

/**
 * Writes a whole ledger into a new folder: Parquet for what is counted, files as they are, JSON for the registry, and a
 * list of all with their digests. Throws `invalid` if the folder is there and not empty.
 */
export async function exportLedger(
  source: Source,
  folder: string,
  { progress, more }: ExportChoices,
): Promise<ExportReport> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0)
    throw invalid('The folder is not empty.', [
      { field: 'folder', value: folder, allowed: 'a folder that is not there' },
    ])
  const tables = await createExportTables(folder, exportTables)
  const total = { files: 0, bytes: 0 }
  const writer: Writer = {
    row: (table, row) => tables.add(table, row),
    async files({ kind, id, folder: place }, files) {
      for await (const file of files) {
        const { size, digest } = await save(file, join(folder, 'artifacts', place))
        await tables.add('artifacts', { owner: kind, owner_id: id, path: file.path, size, sha256: digest })
        total.files++
        total.bytes += size
        progress.bytes(size)
      }
    },
  }
  for await (const experiment of source.experiments()) {
    progress.begin(experiment.name)
    await exportExperiment(source, writer, experiment, progress)
  }
  const models: CarriedModel[] = []
  for await (const model of source.models()) {
    models.push(model)
    await exportVersions(source, writer, model)
  }
  const rows = { ...(await tables.finish()), ...(await more?.(folder)) }
  await writeFile(join(folder, 'registry.json'), `${JSON.stringify({ registered_models: models }, undefined, 2)}\n`)
  await writeManifest(folder, rows)
  return { folder, rows, ...total }
}

async function exportExperiment(
  source: Source,
  writer: Writer,
  experiment: CarriedExperiment,
  progress: Progress,
): Promise<void> {
  const { id, name, lifecycle, createdAt, updatedAt, tags } = experiment
  await writer.row('experiments', {
    experiment_id: id,
    name,
    lifecycle,
    created_at: createdAt,
    updated_at: updatedAt,
    tags: JSON.stringify(Object.fromEntries(tags.map(({ key, value }) => [key, value]))),
  })
  for await (const runs of source.runs(experiment))
    for (const run of runs) {
      await exportRun(source, writer, { run, experiment: id, progress })
      progress.run()
    }
  for await (const model of source.loggedModels(experiment)) await exportLoggedModel(source, writer, model, id)
}

async function exportRun(
  source: Source,
  writer: Writer,
  { run, experiment, progress }: { run: CarriedRun; experiment: string; progress: Progress },
): Promise<void> {
  const { id, name, user, status, lifecycle, startedAt, endedAt } = run
  const run_id = id
  await writer.row('runs', {
    run_id,
    experiment_id: experiment,
    name,
    user,
    status,
    lifecycle,
    started_at: startedAt,
    ended_at: endedAt,
  })
  for (const { key, value } of run.params) await writer.row('params', { run_id, key, value })
  for (const { key, value } of run.tags) await writer.row('tags', { run_id, key, value })
  for (const { sourceType, tags, ...dataset } of run.datasets)
    await writer.row('inputs', { run_id, ...dataset, source_type: sourceType, tags: jsonOf(tags) })
  for (const { direction, model, step } of run.links)
    await writer.row('model_links', { run_id, direction, model_id: model, step })
  for await (const points of source.points(run)) {
    for (const { key, step, timestamp, value } of points)
      await writer.row('metrics', { run_id, key, step, timestamp, value })
    progress.points(points.length)
  }
  await writer.files({ kind: 'run', id, folder: join(experiment, id, 'artifacts') }, source.files(run))
}

async function exportLoggedModel(
  source: Source,
  writer: Writer,
  model: CarriedLoggedModel,
  experiment: string,
): Promise<void> {
  const { id, name, modelType, sourceRun, status, createdAt, updatedAt, params, tags, points } = model
  await writer.row('logged_models', {
    model_id: id,
    experiment_id: experiment,
    name,
    model_type: modelType,
    source_run_id: sourceRun,
    status,
    created_at: createdAt,
    updated_at: updatedAt,
    params: jsonOf(params),
    tags: jsonOf(tags),
  })
  for (const { key, step, timestamp, value, run, datasetName, datasetDigest } of points)
    await writer.row('logged_model_metrics', {
      model_id: id,
      run_id: run,
      key,
      step,
      timestamp,
      value,
      dataset_name: datasetName,
      dataset_digest: datasetDigest,
    })
  const folder = join(experiment, 'models', id, 'artifacts')
  await writer.files({ kind: 'logged_model', id, folder }, source.modelFiles(model))
}

async function exportVersions(source: Source, writer: Writer, { name, versions }: CarriedModel): Promise<void> {
  for (const { run, runLink, createdAt, updatedAt, tags, ...version } of versions) {
    await writer.row('model_versions', {
      ...version,
      model: name,
      run_id: run,
      run_link: runLink,
      created_at: createdAt,
      updated_at: updatedAt,
      tags: jsonOf(tags),
    })
    const files = source.versionFiles?.(name, version.version)
    const folder = join('model-versions', folderNameOf(name), String(version.version))
    if (files) await writer.files({ kind: 'model_version', id: `${name}/${version.version}`, folder }, files)
  }
}

/** One segment of a path, whatever the name is. */
const folderNameOf = (name: string): string =>
  /^\.+$/.test(name) ? name.replaceAll('.', '%2E') : encodeURIComponent(name)

const jsonOf = (pairs: readonly { readonly key: string; readonly value: string }[]): string =>
  JSON.stringify(Object.fromEntries(pairs.map(({ key, value }) => [key, value])))

/** Writes a file below a folder, never outside of it: names come from a server. */
async function save(file: CarriedFile, folder: string): Promise<{ size: number; digest: string }> {
  const place = resolve(folder, file.path)
  if (!place.startsWith(`${resolve(folder)}${sep}`))
    throw invalid('The path of an artifact leads out of its folder.', [
      { field: 'path', value: file.path, allowed: 'a path without .. segments' },
    ])
  await mkdir(dirname(place), { recursive: true })
  const hash = createHash('sha256')
  let size = 0
  const meter = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  await pipeline(await file.open(), meter, createWriteStream(place, { flags: 'wx' }))
  const digest = hash.digest('hex')
  if (file.digest !== undefined && file.digest !== digest)
    throw new TrainyardError('unavailable', `The server gave other bytes for ${file.path} than it had promised.`, {
      promised: file.digest,
      given: digest,
    })
  return { size, digest }
}

/** `manifest.json` says how many rows there are; `SHA256SUMS` is what `sha256sum --check` reads. */
async function writeManifest(folder: string, rows: Readonly<Record<string, number>>): Promise<void> {
  const manifest = { format: 'trainyard-export', version: 1, rows }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const sums: string[] = []
  for await (const path of filesBelow(folder)) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, path)), hash)
    sums.push(`${hash.digest('hex')}  ${path}\n`)
  }
  await writeFile(join(folder, 'SHA256SUMS'), sums.join(''))
}
