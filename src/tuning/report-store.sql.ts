import type { Kysely } from 'kysely'
import { inside } from '#storage'
import type { TuningStore } from './store.ts'
import type { TuningTables } from './tables.ts'
import { running } from './trial-store.sql.ts'

export function reportStore(
  tables: Kysely<TuningTables>,
): Pick<TuningStore, 'report' | 'stepBefore' | 'compared' | 'reports'> {
  return {
    async report(tx, study, { number, attempt, leaseUntil, step, loss, rung }) {
      const own = inside<TuningTables>(tx)
      const trial = await running(tx, study, { number, attempt })
        .set({ lease_until: leaseUntil ?? null })
        .returning(['step', 'best_loss'])
        .executeTakeFirst()
      if (!trial) return undefined
      const known = await own
        .selectFrom('tuning_report')
        .select('loss')
        .where('study', '=', study)
        .where('trial', '=', number)
        .where('step', '=', step)
        .executeTakeFirst()
      const best = Math.min(trial.best_loss ?? Number.POSITIVE_INFINITY, known?.loss ?? loss)
      if (known) return { known: known.loss, best }
      await own
        .insertInto('tuning_report')
        .values({ study, trial: number, step, loss, rung: rung ?? null })
        .execute()
      const isLast = trial.step === null || step > trial.step
      await running(tx, study, { number, attempt })
        .set({ best_loss: best, ...(isLast && { step, loss }) })
        .execute()
      return { known: undefined, best }
    },

    async stepBefore(tx, study, trial, step) {
      const row = await inside<TuningTables>(tx)
        .selectFrom('tuning_report')
        .select(eb => eb.fn.max('step').as('last'))
        .where('study', '=', study)
        .where('trial', '=', trial)
        .where('step', '<', step)
        .executeTakeFirst()
      return row?.last ?? undefined
    },

    async compared(tx, study, wanted) {
      const others = inside<TuningTables>(tx)
        .selectFrom('tuning_report')
        .select('tuning_report.loss')
        .where('tuning_report.study', '=', study)
        .where('tuning_report.trial', '!=', wanted.trial)
        .orderBy('tuning_report.trial', 'desc')
        .limit(wanted.limit)
      const query =
        'rung' in wanted
          ? others.where('rung', '=', wanted.rung)
          : others
              .where('tuning_report.step', '=', wanted.step)
              .innerJoin('tuning_trial', join =>
                join
                  .onRef('tuning_trial.study', '=', 'tuning_report.study')
                  .onRef('tuning_trial.number', '=', 'tuning_report.trial'),
              )
              .where('tuning_trial.state', '=', 'complete')
      return (await query.execute()).map(({ loss }) => loss)
    },

    async reports(study, trials) {
      if (trials.length === 0) return []
      const rows = await tables
        .selectFrom('tuning_report')
        .select(['trial', 'step', 'loss'])
        .where('study', '=', study)
        .where('trial', 'in', [...trials])
        .orderBy('trial')
        .orderBy('step')
        .execute()
      return rows.map(({ trial, step, loss }) => ({ trial, step, loss }))
    },
  }
}
