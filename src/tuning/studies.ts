import { isDeepStrictEqual } from 'node:util'
import { alreadyExists, TrainyardError } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { on, type Handler } from '#storage'
import { runFinished, type Workflow } from '#workflow'
import { endRuns } from './end-runs.ts'
import { studyStarted } from './events.ts'
import { end, findStudy, shown, type ChangingParts, type StudyKey, type TuningParts } from './parts.ts'
import { parseStudy, type Study, type StudySpec } from './study.ts'
import type { StoredStudy } from './store.ts'

export interface Studies {
  /**
   * Makes a study; the same study again is the one that is there. Throws `invalid`, and `already_exists` for a name that
   * stands for another search.
   */
  start(request: NewStudy): Promise<Study>
  /** Throws `not_found`. */
  study(key: StudyKey): Promise<Study>
  /** Newest first. */
  studies(project: string, page: PageRequest): Promise<Page<Study>>
  /** Ends a study before its time; trials that run may still be told. A study that has ended stays as it is. */
  cancel(key: StudyKey): Promise<Study>
  /** Ends the search of a pipeline's task when its run has ended without it. */
  readonly handlers: readonly Handler[]
}

export interface NewStudy {
  readonly project: string
  readonly actor: string
  /** As JSON: `study.ts` says what may stand in it. */
  readonly study: unknown
  /** The workflow run that runs its trials; without one they are asked for. */
  readonly run?: string | undefined
  /** Below the project; `tuning/<name>` when left out. */
  readonly experiment?: string | undefined
}

/** Studies as things that begin and end. */
export function createStudies(
  parts: ChangingParts & { readonly workflow: Pick<Workflow, 'runs' | 'cancel'> },
): Studies {
  const { store, workflow } = parts

  async function cancel(study: StoredStudy): Promise<Study> {
    const ended = await parts.change(study.id, async (tx, now) =>
      now.criterion === undefined ? end(parts, tx, now, 'cancelled') : now,
    )
    if (study.run !== undefined) await endRuns(workflow, study)
    return shown(parts, ended)
  }

  return {
    async start(request) {
      const spec = parseStudy(request.study)
      const key = { project: request.project, name: spec.name }
      if (!(await store.findStudy(key))) await insert(parts, request, spec).catch(unlessTaken)
      const found = await findStudy(parts, key)
      const isSame = isDeepStrictEqual(found.spec, JSON.parse(JSON.stringify(spec))) && found.run === request.run
      if (!isSame) throw alreadyExists('Study', `${key.project}/${key.name}`)
      return shown(parts, found)
    },

    study: async key => shown(parts, await findStudy(parts, key)),

    async studies(project, page) {
      const { items, ...rest } = await store.listStudies(project, page)
      return { ...rest, items: await Promise.all(items.map(study => shown(parts, study))) }
    },

    cancel: async key => cancel(await findStudy(parts, key)),

    handlers: [
      on(runFinished, async ({ data }) => {
        for (const study of await store.runningOf(data.run)) await cancel(study)
      }),
    ],
  }
}

/** Throws `already_exists` when somebody else was faster. */
async function insert(
  { db, store, tracking, outbox, clock }: TuningParts,
  { project, actor, run, experiment }: NewStudy,
  spec: StudySpec,
): Promise<void> {
  const place = experiment ?? `tuning/${spec.name}`
  const about = { metric: spec.metric, direction: spec.direction, sampler: spec.sampler.type, seed: spec.seed }
  const parent = { project, experiment: place, name: spec.name, params: about, ...(run !== undefined && { run }) }
  await db.transaction().execute(async tx => {
    const id = newId<'study'>('std')
    const tracked = await tracking.runs.begin(tx, parent)
    const draft = { id, project, spec, experiment: place, run, actor, createdAt: clock.now(), tracking: tracked }
    if (!(await store.insertStudy(tx, draft))) throw alreadyExists('Study', `${project}/${spec.name}`)
    await outbox.emit(tx, studyStarted, { project, actor, data: { study: id, name: spec.name } })
  })
}

/** What is there now is looked at by who goes on. */
function unlessTaken(error: unknown): void {
  if (!(error instanceof TrainyardError) || error.code !== 'already_exists') throw error
}
