import { sql } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import { numberOf } from './experiment-store.sql.ts'
import { keyedTables, type Keyed } from './run-field.sql.ts'
import type { ExperimentFacts } from './store.ts'

/** What experiments come to, from indexes alone. */
export function sqlExperimentFacts(db: Db): ExperimentFacts {
  /** A seek for each key: an index has millions of rows, and some hundred keys. */
  async function keysOf(kind: Keyed, experiment: number, most: number): Promise<readonly string[]> {
    const table = sql.table(keyedTables[kind])
    const { rows } = await sql<{ name: string }>`
      with recursive found (key) as (
        select min(t.key) from ${table} as t where t.experiment = ${experiment}
        union all
        select (select min(t.key) from ${table} as t where t.experiment = ${experiment} and t.key > found.key)
        from found where found.key is not null
      )
      select k.name from (select key from found where key is not null limit ${most}) as seen
      join tracking_key as k on k.id = seen.key order by k.name`.execute(db)
    return rows.map(({ name }) => name)
  }

  return {
    async counts(ids) {
      if (ids.length === 0) return new Map()
      const { rows } = await sql<{ id: number; runs: number; running: number; last_run_at: number | null }>`
        select e.id,
          (select count(*) from tracking_run as r
           where r.experiment = e.id and r.lifecycle = e.lifecycle) as runs,
          (select count(*) from tracking_run as r
           where r.experiment = e.id and r.status = 'RUNNING' and r.lifecycle = e.lifecycle) as running,
          (select max(r.started_at) from tracking_run as r
           where r.experiment = e.id and r.lifecycle = e.lifecycle) as last_run_at
        from tracking_experiment as e where e.id in (${sql.join(ids.map(numberOf))})`.execute(db)
      return new Map(
        rows.map(({ id, runs, running, last_run_at: lastRunAt }) => [
          String(id),
          { runs, running, ...(lastRunAt !== null && { lastRunAt: lastRunAt as Millis }) },
        ]),
      )
    },

    async keys(id, most) {
      const experiment = numberOf(id)
      return {
        metrics: await keysOf('metrics', experiment, most),
        params: await keysOf('params', experiment, most),
        tags: await keysOf('tags', experiment, most),
      }
    },
  }
}
