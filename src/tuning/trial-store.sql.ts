import type { Kysely } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside } from '#storage'
import type { StoredTrial, TuningStore } from './store.ts'
import type { TrialRow, TuningTables } from './tables.ts'
import type { TrialState } from './trial.ts'

const runningMax = 1_000

export function trialStore(
  tables: Kysely<TuningTables>,
): Pick<
  TuningStore,
  | 'asked'
  | 'insertTrial'
  | 'takeExpired'
  | 'findTrial'
  | 'listTrials'
  | 'listRunning'
  | 'endTrial'
  | 'renew'
  | 'changed'
> {
  return {
    async asked(tx, study, key) {
      const rows = await inside<TuningTables>(tx)
        .selectFrom('tuning_trial')
        .selectAll()
        .where('study', '=', study)
        .where('ask_key', '=', key)
        .orderBy('number')
        .execute()
      return rows.map(fromRow)
    },

    async insertTrial(tx, study, { params, note, askKey, askIndex, tracking, leaseUntil, startedAt, ...draft }) {
      await inside<TuningTables>(tx)
        .insertInto('tuning_trial')
        .values({
          ...draft,
          study,
          state: 'running',
          params: JSON.stringify(params),
          note: note ?? null,
          loss: null,
          step: null,
          best_loss: null,
          attempt: 1,
          lease_until: leaseUntil ?? null,
          ask_key: askKey ?? null,
          ask_index: askIndex,
          tracking: tracking ?? null,
          error: null,
          started_at: startedAt,
          ended_at: null,
        })
        .execute()
    },

    async takeExpired(tx, study, { now, limit, leaseUntil, askKey, revision }) {
      const own = inside<TuningTables>(tx)
      const due = await own
        .selectFrom('tuning_trial')
        .select('number')
        .where('study', '=', study)
        .where('lease_until', '<=', now)
        .orderBy('lease_until')
        .orderBy('number')
        .limit(limit)
        .execute()
      const taken: StoredTrial[] = []
      for (const [index, { number }] of due.entries()) {
        const row = await own
          .updateTable('tuning_trial')
          .set(eb => ({
            attempt: eb('attempt', '+', 1),
            lease_until: leaseUntil,
            loss: null,
            step: null,
            best_loss: null,
            ask_key: askKey ?? null,
            ask_index: index,
            revision,
          }))
          .where('study', '=', study)
          .where('number', '=', number)
          .returningAll()
          .executeTakeFirstOrThrow()
        await own.deleteFrom('tuning_report').where('study', '=', study).where('trial', '=', number).execute()
        taken.push(fromRow(row))
      }
      return taken
    },

    async findTrial(study, number, tx) {
      const row = await (tx ? inside<TuningTables>(tx) : tables)
        .selectFrom('tuning_trial')
        .selectAll()
        .where('study', '=', study)
        .where('number', '=', number)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async listTrials(study, { limit, after }) {
      let query = tables
        .selectFrom('tuning_trial')
        .selectAll()
        .where('study', '=', study)
        .orderBy('number')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('number', '>', Number(after))
      return toPage((await query.execute()).map(fromRow), limit, trial => String(trial.number))
    },

    async listRunning(study) {
      const rows = await tables
        .selectFrom('tuning_trial')
        .selectAll()
        .where('study', '=', study)
        .where('ended_at', 'is', null)
        .orderBy('number')
        .limit(runningMax)
        .execute()
      return rows.map(fromRow)
    },

    async endTrial(tx, study, { number, attempt, state, loss, error, at, revision }) {
      const ended = { state, loss: loss ?? null, error: error ?? null, ended_at: at, lease_until: null, revision }
      const row = await running(tx, study, { number, attempt }).set(ended).returningAll().executeTakeFirst()
      return row && fromRow(row)
    },

    async renew(tx, study, { leaseUntil, ...which }) {
      const { numUpdatedRows } = await running(tx, study, which)
        .set({ lease_until: leaseUntil ?? null })
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async changed(tx, study, after, limit) {
      const rows = await inside<TuningTables>(tx)
        .selectFrom('tuning_trial')
        .select(['number', 'state', 'params', 'note', 'loss', 'step', 'revision'])
        .where('study', '=', study)
        .where('revision', '>', after)
        .orderBy('revision')
        .orderBy('number')
        .limit(limit)
        .execute()
      return rows.map(({ state, params, note, loss, step, ...row }) => ({
        ...row,
        state: state as TrialState,
        params: JSON.parse(params) as StoredTrial['params'],
        note: note ?? undefined,
        loss: loss ?? undefined,
        step: step ?? undefined,
      }))
    },
  }
}

type Which = { readonly number: number; readonly attempt: number | undefined }

/** A statement about a trial that runs, at this attempt if one is named. */
export function running(tx: Parameters<typeof inside>[0], study: string, { number, attempt }: Which) {
  const update = inside<TuningTables>(tx)
    .updateTable('tuning_trial')
    .where('study', '=', study)
    .where('number', '=', number)
    .where('state', '=', 'running')
  return attempt === undefined ? update : update.where('attempt', '=', attempt)
}

const fromRow = (row: TrialRow): StoredTrial => ({
  number: row.number,
  state: row.state as TrialState,
  params: JSON.parse(row.params) as StoredTrial['params'],
  loss: row.loss ?? undefined,
  step: row.step ?? undefined,
  attempt: row.attempt,
  leaseUntil: row.lease_until ?? undefined,
  tracking: row.tracking ?? undefined,
  error: row.error ?? undefined,
  startedAt: row.started_at,
  endedAt: row.ended_at ?? undefined,
})
