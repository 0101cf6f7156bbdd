import { durationMs } from '#kernel/duration.ts'
import { invalid } from '#kernel/error.ts'
import { revisionOf, textOf, type DatasetVersion } from '#data'
import type { PlatformTask, TaskCall, TaskResult } from '#workflow'
import { compute, type FeatureDeps } from './compute.ts'
import type { FeatureVersion, TrainingSet } from './feature-version.ts'
import { materialise, type Materialisation, type Outcome } from './materialise.ts'
import { keyOf } from './service.ts'
import { split, splitRule } from './split.ts'
import { makeTrainingSet } from './training-set.ts'

/** The work of this component in pipelines. */
export function featureTasks(deps: FeatureDeps): Record<string, PlatformTask> {
  const inTurn = queues()
  return {
    'features.compute': call => computeTask(deps, call),
    'features.materialise': call =>
      materialiseTask(deps, call, work =>
        inTurn(`${work.version.project}/${work.version.view}`, () => materialise(deps, work)),
      ),
    'features.training-set': call => trainingSetTask(deps, call),
    'features.split': call => splitTask(deps, call),
  }
}

async function computeTask(deps: FeatureDeps, { run, params, inputs, signal, log }: TaskCall): Promise<TaskResult> {
  const revision = await revisionOf(deps.projects, run)
  const view = textOf(params['view'])
  const dataset = await datasetOf(deps, inputs)
  const { source } = revision.spec.features[view] ?? {}
  if (source !== undefined && source !== dataset.source) {
    throw invalid(`View ${view} is computed from another source.`, [
      { field: 'inputs.dataset', value: dataset.source, allowed: `a version of ${source}` },
    ])
  }
  const { version, added } = await compute(deps, { revision, view, dataset, run: run.id, signal })
  const { id, digest, rows, columns, version: number } = version
  log(
    added
      ? `Version ${number} of ${view}: ${rows} rows of ${columns.length - 2} features.`
      : `Rules and rows are those of version ${number} of ${view}.`,
  )
  return { outputs: { features: { digest, ref: id, value: number } }, metrics: { rows, features: columns.length - 2 } }
}

const waitMs = 1_000

async function materialiseTask(
  deps: FeatureDeps,
  { run, inputs, key, signal, log }: TaskCall,
  write: (work: Materialisation) => Promise<Outcome>,
): Promise<TaskResult> {
  const version = await featureVersion(deps, 'features', inputs['features']?.ref)
  const { spec } = await revisionOf(deps.projects, run)
  const retentionMs = durationMs(spec.features[version.view]?.retention ?? '90d')
  const { rows, to, how } = await write({ version, key: keyOf(spec, version.view), retentionMs, token: key, signal })
  if (how === 'overtaken') return { waitMs, waitingFor: `another materialisation of ${version.view}` }
  log(`${sentences[how]} ${rows} rows of ${version.view} were written; the newest is of ${new Date(to).toISOString()}.`)
  return { outputs: { online: { value: { rows, to } } }, metrics: { rows } }
}

const sentences: Readonly<Record<Exclude<Outcome['how'], 'overtaken'>, string>> = {
  whole: 'Written as a whole.',
  changes: 'Written what changed.',
  nothing: 'This version was there.',
  older: 'A newer version is there.',
}

async function trainingSetTask(deps: FeatureDeps, { run, params, inputs, signal, log }: TaskCall): Promise<TaskResult> {
  const revision = await revisionOf(deps.projects, run)
  const [service, label] = [textOf(params['service']), textOf(params['label'])]
  const dataset = await datasetOf(deps, inputs)
  const versions = []
  for (const [name, { ref }] of Object.entries(inputs))
    if (ref?.startsWith('ftv_')) versions.push(await featureVersion(deps, name, ref))
  const { set, unlabelled, featureless } = await makeTrainingSet(deps, {
    revision,
    service,
    label,
    dataset,
    versions,
    run: run.id,
    signal,
  })
  log(
    `${set.rows} rows of ${set.features.length} features. Left out: ${unlabelled} without a label, ${featureless} without any feature known by then.`,
  )
  return {
    outputs: { rows: { digest: set.digest, ref: set.id, value: set.rows } },
    metrics: { rows: set.rows, unlabelled, featureless },
  }
}

async function splitTask(deps: FeatureDeps, { run, params, inputs, signal, log }: TaskCall): Promise<TaskResult> {
  const ref = inputs['rows']?.ref
  const set = ref === undefined ? undefined : await deps.store.findTrainingSet(ref as TrainingSet['id'])
  if (!set)
    throw invalid('There is nothing to split.', [{ field: 'inputs.rows', value: ref, allowed: 'a training set' }])
  const { spec } = await revisionOf(deps.projects, run)
  const view = spec.services[set.service]?.features[0]?.split(':')[0] ?? ''
  const format = params['format'] === 'parquet' ? 'parquet' : 'csv'
  const { train, test, until } = await split(deps, {
    set,
    key: keyOf(spec, view),
    rule: splitRule(params),
    format,
    signal,
  })
  log(`${train.rows} rows for training, up to ${until}; ${test.rows} later ones for the test.`)
  const part = ({ digest, size, rows }: typeof train) => ({ digest, size, ref: set.id, value: rows })
  return { outputs: { train: part(train), test: part(test) }, metrics: { train: train.rows, test: test.rows } }
}

async function datasetOf({ data }: FeatureDeps, inputs: TaskCall['inputs']): Promise<DatasetVersion> {
  const ref = inputs['dataset']?.ref
  if (ref?.startsWith('dsv_')) return data.version(ref)
  throw invalid('The task needs a dataset version.', [
    { field: 'inputs.dataset', value: ref, allowed: 'a dataset version' },
  ])
}

async function featureVersion({ store }: FeatureDeps, name: string, ref: string | undefined): Promise<FeatureVersion> {
  const found = ref === undefined ? undefined : await store.find(ref as FeatureVersion['id'])
  if (found) return found
  throw invalid('The task needs a feature version.', [
    { field: `inputs.${name}`, value: ref, allowed: 'a feature version' },
  ])
}

/** Lets work under one name happen one after the other. */
function queues(): <Result>(name: string, work: () => Promise<Result>) => Promise<Result> {
  const tails = new Map<string, Promise<unknown>>()
  return (name, work) => {
    const turn = (tails.get(name) ?? Promise.resolve()).then(work, work)
    const tail = turn.catch(() => {}).finally(() => tails.get(name) === tail && tails.delete(name))
    tails.set(name, tail)
    return turn
  }
}
