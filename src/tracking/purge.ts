import type { Clock, Millis } from '#kernel/clock.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Db } from '#storage'

/**
 * The end of what lies in the trash: rows and files go, names may be used again, and the lineage keeps a tombstone that
 * says when. A purge that is broken off is taken up by the next.
 */
export interface Purge {
  /** Throws away for good what was deleted longer ago than this. */
  purge(what: { readonly ageMs: number; readonly project?: string | undefined }): Promise<Purged>
}

export interface PurgeChoice {
  readonly before: Millis
  /** Of one project alone. */
  readonly project?: string | undefined
}

export interface Purged {
  readonly experiments: number
  readonly runs: number
  readonly models: number
}

/** A thing with files that ends. */
interface Ended {
  readonly id: string
  readonly name: string
  readonly project: string
  readonly artifactUri: string
}

export interface PurgeStore {
  /** Runs that were deleted before the instant, the first deleted first. */
  runs(choice: PurgeChoice, limit: number): Promise<readonly Ended[]>
  experiments(choice: PurgeChoice): Promise<readonly string[]>
  /** Those of a run or an experiment, whatever their state; or those that were deleted by themselves. */
  models(of: { run: string } | { experiment: string } | PurgeChoice): Promise<readonly Ended[]>
  /** Removes a run but for its points; false when it has left the trash meanwhile. */
  removeRun(tx: AnyTx, id: string, before: Millis): Promise<boolean>
  /** The points of all runs that were removed, in transactions of their own. */
  removePoints(): Promise<void>
  removeModel(tx: AnyTx, id: string): Promise<void>
  /** False when it has runs, or has left the trash. */
  removeExperiment(tx: AnyTx, id: string): Promise<boolean>
}

export interface PurgeParts {
  readonly db: Db
  readonly store: PurgeStore
  readonly ledger: Ledger
  readonly clock: Clock
  /** Removes files below a path of the artifact proxy. */
  readonly artifacts: { purge(tx: AnyTx, path: string): Promise<void> }
  /** Ends what other components keep of an experiment: its traces. */
  endExperiment?(id: string): Promise<void>
}

const runsPerStep = 100

export function createPurge({ db, store, ledger, clock, artifacts, endExperiment }: PurgeParts): Purge {
  async function end(tx: AnyTx, kind: 'tracking_run' | 'logged_model', ended: Ended): Promise<void> {
    const { id, name, project, artifactUri } = ended
    const path = /^mlflow-artifacts:\/+([^?]+)/.exec(artifactUri)?.[1]
    // Files elsewhere than behind our proxy belong to who put them there.
    if (path !== undefined) await artifacts.purge(tx, path)
    await ledger.record(tx, { id, kind, label: name, project, facts: { purged: clock.now() } })
  }

  async function endModels(tx: AnyTx, models: readonly Ended[]): Promise<void> {
    for (const model of models) {
      await store.removeModel(tx, model.id)
      await end(tx, 'logged_model', model)
    }
  }

  async function purgeRun(run: Ended, before: Millis): Promise<number | undefined> {
    const models = await store.models({ run: run.id })
    return db.transaction().execute(async tx => {
      if (!(await store.removeRun(tx, run.id, before))) return undefined
      await endModels(tx, models)
      await end(tx, 'tracking_run', run)
      return models.length
    })
  }

  async function purgeExperiment(id: string): Promise<number | undefined> {
    await endExperiment?.(id)
    const models = await store.models({ experiment: id })
    return db.transaction().execute(async tx => {
      if (!(await store.removeExperiment(tx, id))) return undefined
      await endModels(tx, models)
      await artifacts.purge(tx, id)
      return models.length
    })
  }

  return {
    async purge({ ageMs, project }) {
      const choice = { before: (clock.now() - ageMs) as Millis, project }
      const done = { experiments: 0, runs: 0, models: 0 }
      for (let runs = await store.runs(choice, runsPerStep); runs.length > 0;) {
        for (const run of runs) {
          const models = await purgeRun(run, choice.before)
          if (models === undefined) continue
          done.runs++
          done.models += models
        }
        await store.removePoints()
        runs = await store.runs(choice, runsPerStep)
      }
      await store.removePoints()
      for (const model of await store.models(choice)) {
        await db.transaction().execute(tx => endModels(tx, [model]))
        done.models++
      }
      for (const id of await store.experiments(choice)) {
        const models = await purgeExperiment(id)
        if (models === undefined) continue
        done.experiments++
        done.models += models
      }
      return done
    },
  }
}
