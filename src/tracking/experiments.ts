import { defaultProject } from '#kernel/default-project.ts'
import type { Clock } from '#kernel/clock.ts'
import { alreadyExists, conflict, invalid, notFound, TrainyardError } from '#kernel/error.ts'
import type { AnyTx, Db } from '#storage'
import { checkExperimentName, checkLocation, type Experiment } from './experiment.ts'
import { checkKey } from './metric.ts'
import type { ExperimentStore } from './store.ts'
import type { KeyText } from './key-text.ts'

/** What runs are compared in (C7), by MLflow's rules. */
export interface Experiments {
  /** The project of an experiment with this name: its first segment, if a project is called so, or the workspace. */
  projectOf(name: string, workspace?: string): Promise<string>
  /** Throws `already_exists`: names of a project's deleted experiments are taken too. */
  create(experiment: NewExperiment): Promise<Experiment>
  /** The project's experiment of this name, made now if it is not there; for what the platform tracks itself. */
  ensure(tx: AnyTx, experiment: { project: string; name: string }): Promise<Experiment>
  /** Deleted ones too. Throws `not_found`. */
  get(id: string): Promise<Experiment>
  /** That of the project which the name says, or of the workspace. Throws `not_found`. */
  byName(name: string, workspace?: string): Promise<Experiment>
  /** Within its project. Throws `conflict` for a name of another project, and unless it is active. */
  rename(id: string, name: string): Promise<void>
  /** Moves it into the trash with all its runs. Throws `not_found` when it is there already. */
  remove(id: string): Promise<void>
  /** Takes it out of the trash with all its runs. Throws `not_found` when it is not there. */
  restore(id: string): Promise<void>
  setTag(id: string, tag: KeyText): Promise<void>
  /** Throws `not_found`. */
  removeTag(id: string, key: string): Promise<void>
}

export interface NewExperiment {
  readonly name: string
  readonly workspace?: string | undefined
  readonly artifactLocation?: string | undefined
  readonly tags?: readonly KeyText[]
}

export interface ExperimentParts {
  readonly db: Db
  readonly store: ExperimentStore
  readonly clock: Clock
  isProject(name: string): Promise<boolean>
}

export function createExperiments({ db, store, clock, isProject }: ExperimentParts): Experiments {
  const inTransaction = <Result>(work: (tx: AnyTx) => Promise<Result>): Promise<Result> =>
    db.transaction().execute(work)

  async function projectOf(name: string, workspace = defaultProject): Promise<string> {
    const [first] = name.split('/')
    return first !== name && (await isProject(first!)) ? first! : workspace
  }

  async function get(id: string): Promise<Experiment> {
    const found = await store.find({ id })
    if (!found) throw missing(id)
    return found
  }

  return {
    projectOf,
    get,

    async create({ name, workspace, artifactLocation, tags = [] }) {
      for (const tag of tags) checkTag(tag)
      const project = await projectOf(checkExperimentName(name), workspace)
      const given = {
        name,
        project,
        artifactLocation: artifactLocation ? checkLocation(artifactLocation) : undefined,
        tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
      }
      const made = await inTransaction(tx => insertExperiment({ store, clock }, tx, given))
      if (!made) throw alreadyExists('Experiment', name)
      return made
    },

    ensure: (tx, owned) => ensure({ store, clock }, tx, owned),

    async byName(name, workspace = defaultProject) {
      const project = await projectOf(name, workspace)
      // What had the name before the project was declared that it begins with stays where it is.
      const found = (await store.find({ project, name })) ?? (await store.find({ project: workspace, name }))
      if (!found) throw notFound('experiment', name)
      return found
    },

    async rename(id, name) {
      const { project } = await get(id)
      const change = { name: checkExperimentName(name), at: clock.now() }
      if ((await projectOf(name, project)) !== project)
        throw conflict(`Experiment ${id} is of the project ${project}: it cannot be called ${name}.`, { project })
      const done = await inTransaction(tx => store.rename(tx, id, change))
      if (done === 'taken') throw alreadyExists('Experiment', name)
      if (done === 'not_active') throw notActive(id)
    },

    async remove(id) {
      const isMoved = await inTransaction(tx => store.setLifecycle(tx, id, { to: 'deleted', at: clock.now() }))
      if (!isMoved) throw missing(id, 'active')
    },

    async restore(id) {
      const isMoved = await inTransaction(tx => store.setLifecycle(tx, id, { to: 'active', at: clock.now() }))
      if (!isMoved) throw missing(id, 'deleted')
    },

    ...tagging({ get, store, inTransaction, clock }),
  }
}

function insertExperiment(
  { store, clock }: Pick<ExperimentParts, 'store' | 'clock'>,
  tx: AnyTx,
  { name, project, artifactLocation, tags = {} }: Insert,
): Promise<Experiment | undefined> {
  const now = clock.now()
  return store.insert(tx, {
    project,
    name: checkExperimentName(name),
    artifactLocation,
    lifecycle: 'active',
    tags,
    createdAt: now,
    updatedAt: now,
  })
}

interface TagParts {
  readonly store: ExperimentStore
  readonly clock: Clock
  get(id: string): Promise<Experiment>
  inTransaction<Result>(work: (tx: AnyTx) => Promise<Result>): Promise<Result>
}

function tagging({ get, store, inTransaction, clock }: TagParts): Pick<Experiments, 'setTag' | 'removeTag'> {
  return {
    async setTag(id, { key, value }) {
      checkTag({ key, value })
      if ((await get(id)).lifecycle !== 'active') throw notActive(id)
      const tag = { key, value, at: clock.now() }
      await inTransaction(tx => store.putTag(tx, id, tag))
    },

    async removeTag(id, key) {
      if ((await get(id)).lifecycle !== 'active') throw notActive(id)
      if (!(await inTransaction(tx => store.removeTag(tx, id, key)))) throw notFound('tag', key)
    },
  }
}

async function ensure(
  { store, clock }: Pick<ExperimentParts, 'store' | 'clock'>,
  tx: AnyTx,
  { project, name }: { readonly project: string; readonly name: string },
): Promise<Experiment> {
  const draft = { project, name, artifactLocation: undefined }
  const known =
    (await store.find(draft, tx)) ??
    (await insertExperiment({ store, clock }, tx, draft)) ??
    (await store.find(draft, tx))!
  if (known.lifecycle === 'deleted') await store.setLifecycle(tx, known.id, { to: 'active', at: clock.now() })
  return { ...known, lifecycle: 'active' }
}

/** Unlike those of runs, long values are refused and not cut. */
const tagValueMax = 20_000

function checkTag({ key, value }: KeyText): void {
  checkKey(key, 'key')
  if (value.length > tagValueMax || value.includes('\0'))
    throw invalid(`'value' exceeds the maximum length of ${tagValueMax} characters`, [
      { field: 'value', allowed: `at most ${tagValueMax} characters` },
    ])
}

interface Insert {
  readonly name: string
  readonly project: string
  readonly artifactLocation: string | undefined
  readonly tags?: Readonly<Record<string, string>>
}

const missing = (id: string, state?: Experiment['lifecycle']): Error =>
  new TrainyardError('not_found', `No ${state ? `${state} ` : ''}Experiment with id=${id} exists`, {
    what: 'experiment',
    key: id,
  })

const notActive = (id: string): Error =>
  conflict(`The experiment ${id} must be in the 'active' state. Current state is deleted.`, { state: 'deleted' })
