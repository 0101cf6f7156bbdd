import { createReadStream } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid } from '#kernel/error.ts'
import { measure } from '#storage'
import { exportTables } from './export-columns.ts'
import { exportData } from './export-data.ts'
import { exportEvaluationDatasets } from './export-evaluation.ts'
import { exportLogs } from './export-logs.ts'
import { exportPredictions } from './export-predictions.ts'
import { createExportTables } from './export-tables.ts'
import { exportTraces } from './export-traces.ts'
import { createExportWriter, folderNameOf, jsonOf, type ExportWriter } from './export-writer.ts'
import { filesBelow } from './folder.ts'
import type { Progress } from './progress.ts'
import type { CarriedExperiment, CarriedLoggedModel, CarriedModel, CarriedRun, Source } from './record.ts'

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
  more?(folder: string, writer: ExportWriter): Promise<Readonly<Record<string, number>>>
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
  const writer = createExportWriter(folder, tables, progress)
  for await (const experiment of source.experiments()) {
    progress.begin(experiment.name)
    await exportExperiment(source, writer, experiment, progress)
  }
  const models: CarriedModel[] = []
  for await (const model of source.models()) {
    models.push(model)
    await exportVersions(source, writer, model)
  }
  await exportEvaluationDatasets(source, writer)
  await exportData(source, writer)
  await exportPredictions(source, writer)
  await exportLogs(source, writer)
  const others = await more?.(folder, writer)
  const rows = { ...(await tables.finish()), ...others }
  await writeFile(join(folder, 'registry.json'), `${JSON.stringify({ registered_models: models }, undefined, 2)}\n`)
  await writeManifest(folder, rows)
  return { folder, rows, ...writer.total }
}

async function exportExperiment(
  source: Source,
  writer: ExportWriter,
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
  const traces = await exportTraces(source, writer, { experiment, progress })
  for await (const runs of source.runs(experiment))
    for (const run of runs) {
      const linked = traces > 0 ? await source.tracesOfRun(run, experiment) : []
      await exportRun(source, writer, { run, experiment: id, linked, progress })
      progress.run()
    }
  for await (const model of source.loggedModels(experiment)) await exportLoggedModel(source, writer, model, id)
}

async function exportRun(
  source: Source,
  writer: ExportWriter,
  {
    run,
    experiment,
    linked,
    progress,
  }: { run: CarriedRun; experiment: string; linked: readonly string[]; progress: Progress },
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
  for (const trace_id of linked) await writer.row('trace_links', { run_id, trace_id })
  for await (const points of source.points(run)) {
    for (const { key, step, timestamp, value } of points)
      await writer.row('metrics', { run_id, key, step, timestamp, value })
    progress.points(points.length)
  }
  await writer.files({ kind: 'run', id, folder: join('artifacts', experiment, id, 'artifacts') }, source.files(run))
}

async function exportLoggedModel(
  source: Source,
  writer: ExportWriter,
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
  const folder = join('artifacts', experiment, 'models', id, 'artifacts')
  await writer.files({ kind: 'logged_model', id, folder }, source.modelFiles(model))
}

async function exportVersions(source: Source, writer: ExportWriter, { name, versions }: CarriedModel): Promise<void> {
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
    const folder = join('artifacts', 'model-versions', folderNameOf(name), String(version.version))
    if (files) await writer.files({ kind: 'model_version', id: `${name}/${version.version}`, folder }, files)
  }
}

/** `manifest.json` says how many rows there are; `SHA256SUMS` is what `sha256sum --check` reads. */
async function writeManifest(folder: string, rows: Readonly<Record<string, number>>): Promise<void> {
  const manifest = { format: 'trainyard-export', version: 1, rows }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const sums: string[] = []
  for await (const path of filesBelow(folder)) {
    const { digest } = await measure(createReadStream(join(folder, path)))
    sums.push(`${digest}  ${path}\n`)
  }
  await writeFile(join(folder, 'SHA256SUMS'), sums.join(''))
}
