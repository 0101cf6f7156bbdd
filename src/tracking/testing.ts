import type { TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import type { Int64 } from '#kernel/int64.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import { parseFilter, parseOrder } from '#search'
import type { Db } from '#storage'
import type { TestEngine } from '#storage/testing.ts'
import { artifactMigrations } from './artifact-tables.ts'
import { loggedModelMigrations } from './logged-model-tables.ts'
import { runLanguage } from './run-language.ts'
import { sqlTrackingStores } from './store.sql.ts'
import { trackingMigrations } from './tables.ts'
import { createTracking, type Tracking } from './tracking.ts'
import type { View } from './store.ts'

/** Tracking over real tables, with words for what tests do all the time. */
export interface TestTracking extends Tracking {
  readonly db: Db
  readonly ledger: Ledger
  readonly clock: ReturnType<typeof manualClock>
  /** A run of an experiment with its metrics at step 0, params and tags. Answers its id. */
  run(experiment: string, logged?: Logged): Promise<string>
  /** The names of the runs that are found, all pages of `limit` together. */
  found(experiments: readonly string[], query?: Query): Promise<readonly string[]>
}

export interface Logged {
  readonly name?: string
  readonly startedAt?: number
  readonly metrics?: Readonly<Record<string, number>>
  readonly params?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
}

export interface Query {
  readonly filter?: string
  readonly order?: readonly string[]
  readonly view?: View
  readonly limit?: number
}

export const migrations = [
  ...metadataMigrations,
  ...trackingMigrations,
  ...artifactMigrations,
  ...loggedModelMigrations,
]

export async function openTracking(
  t: TestContext,
  engine: TestEngine,
  limits: { candidatesMax?: number } = {},
): Promise<TestTracking> {
  return trackingOf(await engine.open(t, migrations), limits)
}

/** Another process on the same database. */
export function trackingOf(db: Db, limits: { candidatesMax?: number } = {}): TestTracking {
  const clock = manualClock(1_000)
  const ledger = createLedger({ clock, store: sqlLedgerStore(db) })
  const tracking = createTracking({
    db,
    clock,
    ledger,
    stores: sqlTrackingStores(db, limits),
    isProject: async name => name === 'rain',
  })
  const { runs, log } = tracking

  return {
    ...tracking,
    db,
    ledger,
    clock,

    async run(experimentId, { name, startedAt = 0, metrics = {}, params = {}, tags = {} } = {}) {
      const { id } = await runs.create({ experimentId, name, startedAt: startedAt as never, tags: texts(tags) })
      const points = Object.entries(metrics).map(([key, value]) => ({ key, value, step: 0, timestamp: 1 }))
      await log.add({ run: id, points, params: texts(params) })
      return id
    },

    async found(experiments, { filter, order = [], view = 'active', limit = 100 } = {}) {
      const names: string[] = []
      const query = {
        experiments,
        filter: parseFilter(filter, runLanguage),
        order: parseOrder(order, runLanguage),
        view,
      }
      for (let after: string | undefined; ;) {
        const { items, next } = await runs.search(query, { limit, after })
        names.push(...items.map(({ run }) => run.name))
        if (next === undefined) return names
        after = next
      }
    },
  }
}

const texts = (map: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(map).map(([key, value]) => ({ key, value }))

/** Timestamp, step and value of each point. */
export const historyOf = async ({ history }: TestTracking, run: string, key: string): Promise<readonly Int64[][]> =>
  (await history.points(run, key, { limit: 10_000 })).items.map(({ timestamp, step, value }) => [
    timestamp,
    step,
    value,
  ])
