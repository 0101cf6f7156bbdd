import { messageOf } from '#kernel/error.ts'
import type { RunSummary } from '#tracking'
import { carryEvaluationDataset } from './carry-evaluation.ts'
import { carryLoggedModel, carryModel } from './carry-model.ts'
import { carryRun, type Journey } from './carry-run.ts'
import { carryTrace, carryTraceLinks } from './carry-trace.ts'
import { carryUser } from './carry-user.ts'
import { carryWebhook } from './carry-webhook.ts'
import { inParallel } from './parallel.ts'
import type { Progress } from './progress.ts'
import type { CarriedExperiment, CarriedModel, CarriedRun, Source } from './record.ts'
import { createReporter, type ImportReport } from './report.ts'
import type { Target } from './target.ts'

export interface ImportChoices {
  /** Put before the name of every experiment and registered model. */
  readonly prefix: string
  /** A file of the same size is not read again. */
  readonly trustSizes: boolean
  /** Runs, or traces, at a time. */
  readonly concurrency: number
  /** Ends it between two runs or traces. */
  readonly signal?: AbortSignal
}

const runsPerSummary = 50

/**
 * Brings a whole ledger into a project. What is there already and the same is passed over, so that an import which was
 * interrupted goes on where it was. Nothing is deleted. What cannot be brought is in the report, and does not end it.
 */
export async function importLedger(
  source: Source,
  target: Target,
  choices: ImportChoices,
  progress: Progress,
): Promise<ImportReport> {
  await target.begin()
  const reporter = createReporter()
  const journey: Journey = {
    source,
    target,
    reporter,
    choices: { trustSizes: choices.trustSizes, onBytes: progress.bytes, onPoints: progress.points },
  }
  /** What experiments of the source are called here. */
  const ids = new Map<string, string>()
  const names = new Set<string>()
  for await (const experiment of source.experiments()) {
    progress.begin(experiment.name)
    await guarded(journey, `experiment ${experiment.name}`, async () => {
      const named = { ...experiment, name: nameAmong(names, experiment) }
      names.add(named.name)
      ids.set(experiment.id, await carryExperiment(journey, named, choices, progress))
    })
  }
  await ifAllowed(journey, 'evaluation datasets', async () => {
    for await (const dataset of source.evaluationDatasets())
      await guarded(journey, `evaluation dataset ${dataset.name}`, () => carryEvaluationDataset(journey, dataset, ids))
  })
  for await (const model of source.models())
    await guarded(journey, `registered model ${model.name}`, () =>
      carryModel(journey, withSourcesHere({ ...model, name: `${choices.prefix}${model.name}` })),
    )
  await ifAllowed(journey, 'webhooks', async () => {
    for await (const webhook of source.webhooks())
      await guarded(journey, `webhook ${webhook.name}`, () => carryWebhook(journey, webhook))
  })
  await ifAllowed(journey, 'users', async () => {
    for await (const user of source.users())
      await guarded(journey, `user ${user.name}`, () =>
        carryUser(journey, user, { experiments: ids, prefix: choices.prefix }),
      )
  })
  return reporter.report({ source: source.name, target: `${target.name}, project ${target.project}` })
}

/** Another one there may have its name, in another project or by hand in a folder: here they would be one. */
const nameAmong = (names: ReadonlySet<string>, { name, id }: CarriedExperiment): string =>
  names.has(name) ? `${name} (${id})` : name

async function carryExperiment(
  journey: Journey,
  experiment: CarriedExperiment,
  choices: ImportChoices,
  progress: Progress,
): Promise<string> {
  const { source, target, reporter } = journey
  const { prefix, concurrency, signal } = choices
  const { createdAt, updatedAt, tags, lifecycle } = experiment
  const name = `${prefix}${experiment.name}`
  const { id } = await target.experiment({ name, createdAt, updatedAt, tags })
  const isDeleted = lifecycle === 'deleted'
  // Before the runs, so that they can be tied to them.
  const traces = await carryTraces(journey, { experiment, experimentId: id }, choices, progress)
  for await (const runs of source.runs(experiment)) {
    const before = await summariesOf(target, runs)
    await inParallel(runs, concurrency, async run => {
      signal?.throwIfAborted()
      // Who deletes an experiment deletes its runs.
      const carried = isDeleted ? { ...run, lifecycle } : run
      await guarded(journey, `run ${run.id}`, () =>
        carryRun(journey, carried, { experimentId: id, before: before.get(run.id) }),
      )
      if (traces > 0)
        await guarded(journey, `traces of run ${run.id}`, () =>
          carryTraceLinks(journey, run, { experiment, experimentId: id }),
        )
      progress.run()
    })
  }
  for await (const model of source.loggedModels(experiment))
    await guarded(journey, `logged model ${model.id}`, () => carryLoggedModel(journey, model, id))
  const here = await target.endExperiment(id, { lifecycle, updatedAt })
  reporter.count('experiments', 1, 1)
  const missing = tags.filter(tag => !here.tags.some(({ key, value }) => key === tag.key && value === tag.value))
  if (missing.length > 0)
    reporter.differ(`experiment ${name}`, `tags ${missing.map(({ key }) => key).join(', ')} are not here`)
  if (here.lifecycle !== lifecycle && id !== '0')
    reporter.differ(`experiment ${name}`, `${lifecycle} there, ${here.lifecycle} here`)
  return id
}

/** How many the source has. */
async function carryTraces(
  journey: Journey,
  { experiment, experimentId }: { readonly experiment: CarriedExperiment; readonly experimentId: string },
  { concurrency, signal }: ImportChoices,
  progress: Progress,
): Promise<number> {
  const { source, target } = journey
  let count = 0
  for await (const traces of source.traces(experiment)) {
    count += traces.length
    const before = await target.traces(traces.map(trace => trace.id))
    await inParallel(traces, concurrency, async trace => {
      signal?.throwIfAborted()
      await guarded(journey, `trace ${trace.id}`, () =>
        carryTrace(journey, trace, { experimentId, before: before.get(trace.id) }),
      )
      progress.trace()
    })
  }
  return count
}

/** One thing that fails is a difference; the others go on. A server that is gone ends it all. */
async function guarded({ reporter }: Journey, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'unavailable' || code === 'unauthorized' || code === 'forbidden') throw error
    reporter.differ(what, messageOf(error))
  }
}

/** What is only for some, administrators mostly, is a difference for everyone else. */
async function ifAllowed({ reporter }: Journey, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if ((error as { code?: string }).code !== 'forbidden') throw error
    reporter.differ(what, messageOf(error))
  }
}

async function summariesOf(target: Target, runs: readonly CarriedRun[]): Promise<ReadonlyMap<string, RunSummary>> {
  const summaries = new Map<string, RunSummary>()
  for (let start = 0; start < runs.length; start += runsPerSummary) {
    const some = runs.slice(start, start + runsPerSummary).map(run => run.id)
    for (const [id, summary] of await target.summaries(some)) summaries.set(id, summary)
  }
  return summaries
}

/**
 * The source of a version is a place in the other ledger. Where it lies in the artifacts of its run, it is said so that
 * it holds here.
 */
const withSourcesHere = (model: CarriedModel): CarriedModel => ({
  ...model,
  versions: model.versions.map(version => {
    const path = version.run === undefined ? undefined : pathInRun(version.source, version.run)
    return path === undefined ? version : { ...version, source: `runs:/${version.run}/${path}` }
  }),
})

/** `…/<run>/artifacts/model` → `model` */
function pathInRun(source: string, run: string): string | undefined {
  const marker = `/${run}/artifacts/`
  const at = source.indexOf(marker)
  return at < 0 ? undefined : source.slice(at + marker.length)
}
