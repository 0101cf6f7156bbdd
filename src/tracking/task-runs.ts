import type { Clock } from '#kernel/clock.ts'
import type { Ledger } from '#metadata'
import type { AnyTx } from '#storage'
import { runArtifacts, type Experiment } from './experiment.ts'
import type { Experiments } from './experiments.ts'
import type { Entry, RunLog } from './run-log.ts'
import { checkDataset, type DatasetInput } from './run-input.ts'
import type { InputStore, RunStore } from './store.ts'
import type { KeyText } from './key-text.ts'
import { nameTag, newTrackingRunId, type TrackingRun, type TrackingRunId } from './tracking-run.ts'

/** The runs that the platform opens and closes itself, for the tasks of its pipelines. */
export interface TaskRuns {
  /** Opens the run of a task in the caller's transaction. */
  begin(tx: AnyTx, task: TaskRun): Promise<TrackingRunId>
  /** Closes a run that is running, and adds what is known of it by now. A second close changes no state. */
  end(tx: AnyTx, id: TrackingRunId, state: 'finished' | 'failed', tags?: readonly KeyText[]): Promise<void>
}

export interface TaskRun {
  readonly project: string
  /** `<pipeline>/<task>` */
  readonly experiment: string
  readonly name: string
  readonly run?: string
  readonly task?: string
  readonly params: Readonly<Record<string, unknown>>
  readonly tags?: readonly KeyText[]
  /** What it is given to read. */
  readonly datasets?: readonly DatasetInput[]
}

export interface TaskRunParts {
  readonly store: RunStore
  readonly inputs: Pick<InputStore, 'addDatasets'>
  readonly experiments: Experiments
  readonly log: RunLog
  readonly ledger: Ledger
  readonly clock: Clock
}

export function createTaskRuns(parts: TaskRunParts): TaskRuns {
  const { store, inputs, experiments, log, clock } = parts
  return {
    async begin(tx, { experiment, params, tags = [], datasets = [], ...task }) {
      for (const dataset of datasets) checkDataset(dataset)
      const name = `${task.project}/${experiment}`
      const id = newTrackingRunId()
      const run = {
        ...base(await experiments.ensure(tx, { project: task.project, name }), id),
        ...task,
        user: 'trainyard',
        startedAt: clock.now(),
      }
      const texts = Object.entries(params).map(([key, value]) => ({
        key: plainKey(key),
        value: typeof value === 'string' ? value : JSON.stringify(value),
      }))
      await insertRun(parts, tx, { run, entry: { params: texts, tags } })
      await inputs.addDatasets(tx, id, datasets)
      return id
    },

    async end(tx, id, state, tags = []) {
      const run = await store.find(id, tx)
      if (tags.length > 0 && run?.lifecycle === 'active') await log.addIn(tx, { run: id, tags })
      // Its client may have ended it already; but what came to nothing has not finished, whatever its client thought.
      if (!run || !(isOpen(run) || (state === 'failed' && run.status === 'FINISHED'))) return
      await store.update(tx, id, { status: state === 'finished' ? 'FINISHED' : 'FAILED', endedAt: clock.now() })
    },
  }
}

/** Writes run, first entry and node together. */
export async function insertRun(
  { store, log, ledger }: Pick<TaskRunParts, 'store' | 'log' | 'ledger'>,
  tx: AnyTx,
  { run, entry }: { run: TrackingRun; entry: Entry },
): Promise<void> {
  await store.insert(tx, run)
  await log.addIn(tx, { run: run.id, ...entry, tags: [...(entry.tags ?? []), { key: nameTag, value: run.name }] })
  const { id, name: label, project, task } = run
  await ledger.recordAll(tx, {
    nodes: [{ id, kind: 'tracking_run', label, project }],
    edges: task === undefined ? [] : [{ from: id, to: task, relation: 'made_by' }],
  })
}

/** A run of an experiment, as it begins. */
export const base = ({ id, project, artifactLocation }: Experiment, run: TrackingRunId) =>
  ({
    id: run,
    project,
    experimentId: id,
    status: 'RUNNING',
    lifecycle: 'active',
    artifactUri: runArtifacts(artifactLocation, run),
  }) as const

const isOpen = ({ status }: TrackingRun): boolean => status === 'RUNNING' || status === 'SCHEDULED'

/** A name that people gave in a pipeline, as a key. */
const plainKey = (name: string): string => name.replaceAll(/[^\p{L}\p{N}_/. :-]/gu, '_').slice(0, 250) || '_'
