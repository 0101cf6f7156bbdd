import type { Clock, Millis } from '#kernel/clock.ts'
import { conflict, notFound } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Db } from '#storage'
import { checkExperimentName, defaultExperiment, runArtifacts, type Experiment, type Lifecycle } from './experiment.ts'
import { recordDatasets } from './dataset-node.ts'
import type { ImportedDataset, ImportedRun, RunEnd } from './imported-run.ts'
import type { MetricPoint } from './metric.ts'
import type { RunLog } from './run-log.ts'
import type { KeyText } from './key-text.ts'
import type { TrackingStores } from './store.sql.ts'
import type { TrackingRun, TrackingRunId } from './tracking-run.ts'

/**
 * Runs of another ledger, taken in with their ids and times. Everything may be said again: what is there stays, what is
 * missing is added. A run under way is active, and becomes what it was at its end.
 */
export interface Imports {
  /** The project's experiment of that name, made if it is not there. */
  experiment(project: string, draft: ImportedExperiment): Promise<Experiment>
  /** Answers what is here then. */
  endExperiment(project: string, id: string, end: { lifecycle: Lifecycle; updatedAt: Millis }): Promise<Experiment>
  /** Throws `conflict` if the id is that of a run elsewhere. */
  run(project: string, id: string, draft: ImportedRun): Promise<TrackingRun>
  points(project: string, id: string, points: readonly MetricPoint[]): Promise<void>
  endRun(project: string, id: string, end: RunEnd): Promise<void>
}

export interface ImportedExperiment {
  readonly name: string
  readonly createdAt: Millis
  readonly updatedAt: Millis
  readonly tags: readonly KeyText[]
}

export interface ImportParts {
  readonly db: Db
  readonly stores: Pick<TrackingStores, 'experiments' | 'runs' | 'inputs'>
  readonly log: Pick<RunLog, 'add'>
  readonly ledger: Pick<Ledger, 'record' | 'recordAll'>
  readonly clock: Clock
}

export function createImports(parts: ImportParts): Imports {
  const { db, stores, log, clock } = parts

  async function runIn(project: string, id: string): Promise<TrackingRun> {
    const run = await stores.runs.find(id)
    if (run?.project !== project) throw notFound('run', id)
    return run
  }

  return {
    experiment: (project, draft) => db.transaction().execute(tx => experimentOf(parts, tx, { ...draft, project })),

    async endExperiment(project, id, { lifecycle, updatedAt }) {
      const { lifecycle: now } = await experimentIn(parts, project, id)
      if (now !== lifecycle && id !== defaultExperiment)
        await db.transaction().execute(tx => stores.experiments.setLifecycle(tx, id, { to: lifecycle, at: updatedAt }))
      return experimentIn(parts, project, id)
    },

    async run(project, id, draft) {
      const experiment = await experimentIn(parts, project, draft.experimentId)
      const known = await stores.runs.find(id)
      if (known && known.experimentId !== experiment.id) throw elsewhere('run', id, `experiment ${known.experimentId}`)
      await db.transaction().execute(async tx => {
        if (!known) await open(parts, tx, experiment, { ...draft, id })
        else await stores.runs.setLifecycle(tx, id, { to: 'active', at: clock.now() })
      })
      await log.add({ run: id, params: draft.params, tags: draft.tags })
      await db.transaction().execute(async tx => {
        const datasets = draft.datasets.map(toInput)
        await stores.inputs.addDatasets(tx, id, datasets)
        const read = datasets.map(({ dataset }) => dataset)
        await recordDatasets(parts.ledger, tx, { run: id, project }, read)
        for (const direction of ['input', 'output'] as const) {
          const links = draft.links.filter(link => link.direction === direction)
          await stores.inputs.addModels(tx, id, direction, links)
        }
      })
      return runIn(project, id)
    },

    async points(project, id, points) {
      await runIn(project, id)
      await log.add({ run: id, points })
    },

    async endRun(project, id, { status, lifecycle, endedAt }) {
      await runIn(project, id)
      await db.transaction().execute(async tx => {
        await stores.runs.update(tx, id, { status, ...(endedAt !== undefined && { endedAt }) })
        await stores.runs.setLifecycle(tx, id, { to: lifecycle, at: clock.now() })
      })
    },
  }
}

async function experimentIn({ stores }: ImportParts, project: string, id: string): Promise<Experiment> {
  const found = await stores.experiments.find({ id })
  if (found?.project !== project) throw notFound('experiment', id)
  return found
}

async function experimentOf(
  { stores }: ImportParts,
  tx: AnyTx,
  { project, tags, ...draft }: ImportedExperiment & { readonly project: string },
): Promise<Experiment> {
  const known = await stores.experiments.find({ project, name: draft.name }, tx)
  const made =
    known ??
    (await stores.experiments.insert(tx, {
      ...draft,
      name: checkExperimentName(draft.name),
      project,
      lifecycle: 'active',
      artifactLocation: undefined,
      tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    }))
  if (!made) throw conflict(`The experiment ${draft.name} is being made by somebody else.`)
  const changed = tags.filter(({ key, value }) => made.tags[key] !== value)
  for (const tag of changed) await stores.experiments.putTag(tx, made.id, { ...tag, at: draft.updatedAt })
  return made
}

async function open(
  { stores, ledger }: ImportParts,
  tx: AnyTx,
  { project, id: experimentId, artifactLocation }: Experiment,
  { id, name, user, startedAt }: ImportedRun & { readonly id: string },
): Promise<void> {
  await stores.runs.insert(tx, {
    id: id as TrackingRunId,
    project,
    experimentId,
    name,
    user,
    status: 'RUNNING',
    lifecycle: 'active',
    artifactUri: runArtifacts(artifactLocation, id),
    startedAt,
  })
  await ledger.record(tx, { id, kind: 'tracking_run', label: name, project })
}

const toInput = ({ tags, ...dataset }: ImportedDataset): { dataset: typeof dataset; tags: readonly KeyText[] } => ({
  dataset,
  tags,
})

const elsewhere = (what: string, key: string, where: string): Error =>
  conflict(`The ${what} ${key} is in ${where} already: it is not imported into another place.`, { what, key, where })
