import type { Clock, Millis } from '#kernel/clock.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { Db } from '#storage'
import type { Experiment } from './experiment.ts'
import type { Experiments } from './experiments.ts'
import { modelHistory, modelHistoryTag } from './model-history.ts'
import type { RunLog } from './run-log.ts'
import { randomName } from './run-name.ts'
import { base, createTaskRuns, insertRun, type TaskRuns } from './task-runs.ts'
import type { InputStore, RunDocument, RunStore } from './store.ts'
import type { KeyText } from './key-text.ts'
import { nameTag, newTrackingRunId, taskRunTag, type RunStatus, type TrackingRun } from './tracking-run.ts'

/** Runs as things that begin and end; what they log is run-log.ts. */
export interface TrackingRuns extends TaskRuns {
  /** Throws `not_found`, and `invalid` when the experiment is not active or the run has two names. */
  create(run: NewRun): Promise<TrackingRun>
  /** Deleted ones too. Throws `not_found`. */
  get(id: string): Promise<TrackingRun>
  /** Where a run belongs, which never changes and is remembered. Throws `not_found`. */
  ownerOf(id: string): Promise<Pick<TrackingRun, 'project' | 'experimentId'>>
  /** With all that it has logged. Throws `not_found`. */
  document(id: string): Promise<RunDocument>
  /** Throws `invalid` unless it is active. */
  update(
    id: string,
    change: { status?: RunStatus | undefined; endedAt?: Millis | undefined; name?: string | undefined },
  ): Promise<TrackingRun>
  /** Repeats are harmless. */
  remove(id: string): Promise<void>
  restore(id: string): Promise<void>
  /** Throws `not_found`. */
  removeTag(id: string, key: string): Promise<void>
  /** Adds the model of a client before 3.0 to the list that such clients keep in a tag. */
  addModelHistory(id: string, model: object): Promise<void>
}

export interface NewRun {
  readonly experimentId: string
  readonly name?: string | undefined
  readonly user?: string | undefined
  readonly startedAt?: Millis | undefined
  readonly tags?: readonly KeyText[]
}

export interface TrackingRunParts {
  readonly db: Db
  readonly store: RunStore
  readonly inputs: Pick<InputStore, 'addDatasets'>
  readonly documents: { find(id: string): Promise<RunDocument | undefined> }
  readonly experiments: Experiments
  readonly log: RunLog
  readonly ledger: Ledger
  readonly clock: Clock
}

export function createTrackingRuns(parts: TrackingRunParts): TrackingRuns {
  const { db, store, documents, experiments, log, clock } = parts

  async function get(id: string): Promise<TrackingRun> {
    const run = await store.find(id)
    if (!run) throw noRun(id)
    return run
  }

  async function document(id: string): Promise<RunDocument> {
    const found = await documents.find(id)
    if (!found) throw noRun(id)
    return found
  }

  const ownerOf = remembered(async id => {
    const { project, experimentId } = await get(id)
    return { project, experimentId }
  }, ownersMax)

  /** The task whose code has made a run, as its environment has told it: of the same project only. */
  async function taskOf({ project }: Experiment, tags: readonly KeyText[]): Promise<Pick<TrackingRun, 'run' | 'task'>> {
    const id = tags.findLast(({ key }) => key === taskRunTag)?.value
    const own = id === undefined ? undefined : await store.find(id)
    if (own?.project !== project) return {}
    return { ...(own.run !== undefined && { run: own.run }), ...(own.task !== undefined && { task: own.task }) }
  }

  async function move(id: string, to: TrackingRun['lifecycle']): Promise<void> {
    await get(id)
    await db.transaction().execute(tx => store.setLifecycle(tx, id, { to, at: clock.now() }))
  }

  return {
    get,
    ownerOf,
    document,
    ...createTaskRuns(parts),
    remove: id => move(id, 'deleted'),
    restore: id => move(id, 'active'),

    async create({ experimentId, name, user = '', startedAt = 0 as Millis, tags = [] }) {
      const experiment = await experiments.get(experimentId)
      if (experiment.lifecycle !== 'active')
        throw invalid(`The experiment ${experimentId} must be in the 'active' state. Current state is deleted.`)
      const id = newTrackingRunId()
      const run = {
        ...base(experiment, id),
        ...(await taskOf(experiment, tags)),
        name: nameOf(name, tags),
        user,
        startedAt,
      }
      const entry = { tags }
      await log.prepare(entry)
      await db.transaction().execute(tx => insertRun(parts, tx, { run, entry }))
      return run
    },

    async update(id, { name, ...change }) {
      // The writer of the log refuses runs that are not there or not active, for renaming is a tag.
      await log.add({ run: id, ...(name !== undefined && name !== '' && { tags: [{ key: nameTag, value: name }] }) })
      return (await db.transaction().execute(tx => store.update(tx, id, change)))!
    },

    async removeTag(id, key) {
      await log.add({ run: id })
      if (!(await db.transaction().execute(tx => store.removeTag(tx, id, key)))) throw noTag(key, id)
    },

    async addModelHistory(id, model) {
      const { tags } = await document(id)
      const known = (JSON.parse(tags) as KeyText[]).find(({ key }) => key === modelHistoryTag)?.value
      await log.add({ run: id, tags: [{ key: modelHistoryTag, value: modelHistory(known, model) }] })
    },
  }
}

const ownersMax = 50_000

/** Keeps what never changes. */
function remembered<Value>(load: (id: string) => Promise<Value>, most: number): (id: string) => Promise<Value> {
  const known = new Map<string, Value>()
  return async id => {
    const before = known.get(id)
    if (before !== undefined) return before
    const value = await load(id)
    if (known.size >= most) known.clear()
    known.set(id, value)
    return value
  }
}

function nameOf(given: string | undefined, tags: readonly KeyText[]): string {
  const tag = tags.findLast(({ key }) => key === nameTag)?.value
  if (given && tag && given !== tag)
    throw invalid(
      `Both 'run_name' argument and '${nameTag}' tag are specified, but with different values (run_name='${given}', ` +
        `${nameTag}='${tag}').`,
    )
  return given || tag || randomName()
}

const noRun = (id: string): Error =>
  new TrainyardError('not_found', `Run with id=${id} not found`, { what: 'run', key: id })

const noTag = (key: string, run: string): Error =>
  new TrainyardError('not_found', `No tag with name: ${key} in run with id ${run}`, { what: 'tag', key })
