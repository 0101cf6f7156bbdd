import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { invalid } from '#kernel/error.ts'
import { int64Of, isInt64 } from '#kernel/int64.ts'
import { carriedFiles, filesBelow, folderOf, foldersIn, isFolder, textsBelow } from './folder.ts'
import { readMeta, type Meta } from './meta-yaml.ts'
import { readMlrunsModels } from './mlruns-registry.ts'
import { mlrunsTraces, readMlrunsTrace } from './mlruns-traces.ts'
import {
  loggedModelStatuses,
  runStatuses,
  type CarriedDataset,
  type CarriedExperiment,
  type CarriedFile,
  type CarriedLoggedModel,
  type CarriedModelPoint,
  type CarriedPoint,
  type CarriedRun,
  type CarriedTrace,
  type ModelLink,
  type Source,
} from './record.ts'

const runsPerYield = 50
const tracesPerYield = 50
const pointsPerYield = 10_000
/** Folders beside the runs of an experiment. */
const notRuns: ReadonlySet<string> = new Set(['tags', 'datasets', 'traces', 'models'])

/** A file store of MLflow: the folder `mlruns`. It may have been moved since it was written. */
export function createMlrunsSource(root: string): Source {
  const catalogue = createCatalogue()
  const { folderOfThing } = catalogue

  return {
    name: root,

    async *experiments() {
      yield* experimentsIn(catalogue, root)
      yield* experimentsIn(catalogue, join(root, '.trash'))
    },

    async *runs(experiment) {
      const folder = folderOfThing(experiment.id)
      const names = (await foldersIn(folder)).filter(name => !notRuns.has(name))
      for (let start = 0; start < names.length; start += runsPerYield) {
        const runs: CarriedRun[] = []
        for (const id of names.slice(start, start + runsPerYield)) {
          const meta = await readMeta(join(folder, id, 'meta.yaml'))
          if (meta === undefined) continue
          catalogue.add(id, join(folder, id), meta.text('artifact_uri'))
          runs.push(await readRun(id, join(folder, id), meta))
        }
        yield runs
      }
    },

    async *points(run) {
      const folder = join(folderOfThing(run.id), 'metrics')
      for await (const key of filesBelow(folder)) {
        // A point that was logged twice stands there twice; a database has it once.
        const seen = new Set<string>()
        for await (const lines of linesOf(join(folder, key)))
          yield lines
            .map(words => toPoint(key, words))
            .filter(({ step, timestamp, value }) => isNew(seen, `${step} ${timestamp} ${value}`))
      }
    },

    files: run => catalogue.files(run.id),

    async *loggedModels(experiment) {
      const folder = join(folderOfThing(experiment.id), 'models')
      for (const id of await foldersIn(folder)) {
        const meta = await readMeta(join(folder, id, 'meta.yaml'))
        if (meta === undefined || meta.text('lifecycle_stage') === 'deleted') continue
        catalogue.add(id, join(folder, id), meta.text('artifact_location'))
        yield await readLoggedModel(id, join(folder, id), meta)
      }
    },

    async *traces(experiment) {
      const folders = await mlrunsTraces(folderOfThing(experiment.id))
      for (let start = 0; start < folders.length; start += tracesPerYield) {
        const traces: CarriedTrace[] = []
        for (const { id, folder } of folders.slice(start, start + tracesPerYield)) {
          const trace = await readMlrunsTrace(folder)
          if (trace === undefined) continue
          catalogue.add(id, folder, trace.tags['mlflow.artifactLocation'])
          traces.push(trace)
        }
        yield traces
      }
    },

    traceContent: async trace => ({ spans: [], files: await Array.fromAsync(catalogue.files(trace.id)) }),
    // What only databases have.
    tracesOfRun: async () => [],
    async *evaluationDatasets() {},
    async *evaluationRecords() {},
    async *webhooks() {},
    async *users() {},
    modelFiles: model => catalogue.files(model.id),
    models: () => readMlrunsModels(join(root, 'models')),
  }
}

/** Where the things are that were listed. */
interface Catalogue {
  add(id: string, folder: string, artifacts?: string): void
  /** Throws `invalid` for what was not listed. */
  folderOfThing(id: string): string
  /** From beside the record, or from where it says. Throws `invalid` if that is no folder of this machine. */
  files(id: string): AsyncIterable<CarriedFile>
}

function createCatalogue(): Catalogue {
  const folders = new Map<string, string>()
  const artifacts = new Map<string, string>()
  const folderOfThing = (id: string): string => {
    const folder = folders.get(id)
    if (folder !== undefined) return folder
    throw invalid('The store has not listed this.', [{ field: 'id', value: id, allowed: 'what it has listed' }])
  }
  return {
    folderOfThing,
    add(id, folder, uri) {
      folders.set(id, folder)
      if (uri !== undefined) artifacts.set(id, uri)
    },
    async *files(id) {
      const beside = join(folderOfThing(id), 'artifacts')
      const uri = artifacts.get(id) ?? ''
      const folder = (await isFolder(beside)) ? beside : folderOf(uri)
      if (folder === undefined)
        throw invalid('The artifacts are not in a folder.', [
          {
            field: `artifact_uri of ${id}`,
            value: uri,
            allowed: 'a folder; import such a store from its MLflow server',
          },
        ])
      yield* carriedFiles(folder)
    },
  }
}

async function* experimentsIn(catalogue: Catalogue, folder: string): AsyncIterable<CarriedExperiment> {
  for (const id of await foldersIn(folder)) {
    const meta = await readMeta(join(folder, id, 'meta.yaml'))
    if (id === '.trash' || id === 'models' || meta === undefined) continue
    catalogue.add(id, join(folder, id))
    yield {
      id,
      name: meta.text('name'),
      lifecycle: meta.text('lifecycle_stage') === 'deleted' ? 'deleted' : 'active',
      createdAt: meta.number('creation_time'),
      updatedAt: meta.number('last_update_time'),
      tags: await textsBelow(join(folder, id, 'tags')),
    }
  }
}

async function readRun(id: string, folder: string, meta: Meta): Promise<CarriedRun> {
  const tags = await textsBelow(join(folder, 'tags'))
  const endedAt = meta.number('end_time')
  return {
    id,
    name: meta.text('run_name') || (tags.find(({ key }) => key === 'mlflow.runName')?.value ?? ''),
    user: meta.text('user_id'),
    status: runStatuses[meta.number('status') - 1] ?? 'RUNNING',
    lifecycle: meta.text('lifecycle_stage') === 'deleted' ? 'deleted' : 'active',
    startedAt: meta.number('start_time'),
    ...(endedAt > 0 && { endedAt }),
    params: await textsBelow(join(folder, 'params')),
    tags,
    datasets: await readDatasets(folder),
    links: [...(await readLinks(folder, 'input')), ...(await readLinks(folder, 'output'))],
  }
}

async function readDatasets(run: string): Promise<readonly CarriedDataset[]> {
  const datasets: CarriedDataset[] = []
  for (const input of await foldersIn(join(run, 'inputs'))) {
    const meta = await readMeta(join(run, 'inputs', input, 'meta.yaml'))
    if (meta?.text('source_type') !== 'DATASET') continue
    const dataset = await readMeta(join(run, '..', 'datasets', meta.text('source_id'), 'meta.yaml'))
    if (dataset === undefined) continue
    const [schema, profile] = [dataset.text('schema'), dataset.text('profile')]
    datasets.push({
      name: dataset.text('name'),
      digest: dataset.text('digest'),
      sourceType: dataset.text('source_type'),
      source: dataset.text('source'),
      ...(schema !== '' && { schema }),
      ...(profile !== '' && { profile }),
      tags: meta.texts('tags'),
    })
  }
  return datasets
}

/** A model that is read is the source of its edge, and so is one that is made. */
async function readLinks(run: string, direction: ModelLink['direction']): Promise<readonly ModelLink[]> {
  const links: ModelLink[] = []
  for (const link of await foldersIn(join(run, `${direction}s`))) {
    const meta = await readMeta(join(run, `${direction}s`, link, 'meta.yaml'))
    if (meta === undefined || meta.text('source_type') === 'DATASET') continue
    links.push({ direction, model: meta.text('source_id'), step: int64Of(meta.number('step')) })
  }
  return links
}

async function readLoggedModel(id: string, folder: string, meta: Meta): Promise<CarriedLoggedModel> {
  const [modelType, sourceRun] = [meta.text('model_type'), meta.text('source_run_id')]
  const points: CarriedModelPoint[] = []
  for await (const key of filesBelow(join(folder, 'metrics'))) {
    for await (const lines of linesOf(join(folder, 'metrics', key))) {
      points.push(
        ...lines.map(words => ({
          ...toPoint(key, words.slice(0, 3)),
          run: words[3] ?? sourceRun,
          ...(words[4] !== undefined && { datasetName: words[4] }),
          ...(words[5] !== undefined && { datasetDigest: words[5] }),
        })),
      )
    }
  }
  return {
    id,
    name: meta.text('name'),
    ...(modelType !== '' && { modelType }),
    ...(sourceRun !== '' && { sourceRun }),
    status: loggedModelStatuses[meta.number('status') - 1] ?? 'LOGGED_MODEL_PENDING',
    createdAt: meta.number('creation_timestamp'),
    updatedAt: meta.number('last_updated_timestamp'),
    params: await textsBelow(join(folder, 'params')),
    tags: await textsBelow(join(folder, 'tags')),
    points,
  }
}

/** The lines of a file as words, some thousand at a time. */
async function* linesOf(file: string): AsyncIterable<readonly (readonly string[])[]> {
  let lines: (readonly string[])[] = []
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim() !== '') lines.push(line.trim().split(' '))
    if (lines.length < pointsPerYield) continue
    yield lines
    lines = []
  }
  if (lines.length > 0) yield lines
}

/** `timestamp value [step]`, of newer stores with a dataset behind them. */
function toPoint(key: string, words: readonly string[]): CarriedPoint {
  const [at = '', value = '', step = '0'] = words
  const timestamp = Number(at)
  if (Number.isSafeInteger(timestamp) && isInt64(step))
    return { key, timestamp, value: numberOf(value), step: int64Of(step) }
  throw invalid('A metric file holds a line that is no point.', [
    { field: key, value: words.join(' '), allowed: 'timestamp value step' },
  ])
}

/** A number as Python prints it. */
function numberOf(text: string): number {
  const special = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }[text.toLowerCase()]
  return special ?? Number(text)
}

function isNew(seen: Set<string>, point: string): boolean {
  const size = seen.size
  return seen.add(point).size > size
}
