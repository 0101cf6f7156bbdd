import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import { createDuckdb, createOutbox, fsBlobs, literal, outboxMigrations, type Db, type Outbox } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createMonitoring, type Monitoring, type MonitoringParts } from './monitoring.ts'
import type { EvaluatedVersion } from '#registry'
import type { Prediction } from './ports.ts'
import { sqlMonitoringStores } from './store.sql.ts'
import { monitoringMigrations } from './tables.ts'
import { daysOf, type Day } from './testing.ts'

export const project = 'weather'
export const deployment = 'rain'

/** Monitoring on a real database, ledger, event table, blobs and DuckDB; what is upstream of it is played. */
export interface Stage {
  readonly monitoring: Monitoring
  readonly ledger: Ledger
  readonly outbox: Outbox
  readonly db: Db
  /** How requests were divided, newest first: played. */
  readonly traffic: { at: number; weights: Record<string, number> }[]
  /** Logs the days as predictions of a revision, and tells monitoring. Answers their ids. */
  serve(
    days: readonly Day[],
    options?: { revision?: string; version?: string; change?: (day: Day) => Partial<Prediction> },
  ): Promise<readonly string[]>
  /** Tells what really happened. */
  tell(ids: readonly string[], days: readonly Day[]): Promise<void>
  events(type: string): Promise<readonly Record<string, unknown>[]>
}

/** With `hold` runs are accepted and their tasks left to the test. */
export async function openStage(t: TestContext, { hold = false } = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'monitoring-'))
  const duckdb = createDuckdb({ threads: 1 })
  t.after(async () => {
    duckdb.stop()
    await rm(folder, { recursive: true })
  })
  const db = await testEngines()
    .at(-1)!
    .open(t, [...outboxMigrations, ...metadataMigrations, ...monitoringMigrations])
  const [clock, blobs] = [manualClock(Date.parse('2026-01-01')), fsBlobs(join(folder, 'blobs'))]
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const training = daysOf({ key: 'Seattle', from: '2012-01-01', to: '2014-01-01', seed: 1 })
  const digest = await parquetOf({ folder, duckdb, blobs }, training)
  const [log, started, traffic] = [[] as Prediction[], new Set<string>(), [] as Stage['traffic']]
  let [event, running] = [0, Promise.resolve()]

  const monitoring: Monitoring = createMonitoring({
    db,
    store: sqlMonitoringStores(db),
    outbox,
    ledger,
    clock,
    blobs,
    duckdb,
    ...upstream({ training, digest, log, traffic }),
    workflow: {
      start: async ({ tasks, key }) => {
        const { params } = Object.values(tasks!)[0]!
        if (hold || started.has(key!)) return {} as never
        started.add(key!)
        running = running.then(
          async () => void (await monitoring.evaluate({ params, key: `${key}/evaluate`, log: () => {} })),
        )
        await running
        return { id: newId<'run'>('run') } as never
      },
    },
  })

  return {
    monitoring,
    ledger,
    outbox,
    db,
    traffic,
    async serve(days, { revision = 'rev_1', version = 'mdv_1', change = () => ({}) } = {}) {
      const rows = days.map(day => ({ ...predictionOf(day, { revision, version }), ...change(day) }))
      log.push(...rows)
      const times = rows.map(row => row.eventTime)
      await monitoring.predictionsLogged({
        deployment,
        count: rows.length,
        from: Math.min(...times),
        to: Math.max(...times),
        event: ++event,
      })
      return rows.map(row => row.id)
    },
    async tell(ids, days) {
      await monitoring.recordTruth(
        deployment,
        ids.map((prediction, i) => ({ prediction, value: days[i]!.label })),
      )
      await monitoring.judgeAgain(deployment)
    },
    events: type => eventsOf(outbox, type),
  }
}

const eventsOf = async (outbox: Outbox, type: string) =>
  (await outbox.after(0, 1_000))
    .filter(found => found.type === type)
    .map(found => found.data as Record<string, unknown>)

async function parquetOf(
  {
    folder,
    duckdb,
    blobs,
  }: { folder: string; duckdb: ReturnType<typeof createDuckdb>; blobs: ReturnType<typeof fsBlobs> },
  days: readonly Day[],
) {
  const [json, parquet] = [join(folder, 'days.json'), join(folder, 'days.parquet')]
  await writeFile(json, JSON.stringify(days))
  await duckdb.query([
    `copy (select key as city, make_timestamp("at" * 1000) as event_time, temperature, wind, label from read_json(${literal(json)})) to ${literal(parquet)}`,
  ])
  return (await blobs.putFile(parquet)).digest
}

const versionOf = (id: string): EvaluatedVersion =>
  ({
    id,
    project,
    model: 'rain',
    version: 1,
    trainingSet: 'trs_1',
    signature: {
      inputs: ['temperature', 'wind'].map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
    },
    evaluation: {
      metric: 'brier',
      metrics: { brier: 0.19 },
      importance: { temperature: 0.03, wind: 0.01 },
      from: Date.parse('2013-10-01'),
      to: Date.parse('2014-01-01'),
    },
  }) as never

const predictionOf = (day: Day, { revision, version }: { revision: string; version: string }): Prediction => ({
  id: newId<'prediction'>('prd'),
  deployment,
  revision,
  version,
  key: day.key,
  eventTime: day.at as Millis,
  receivedAt: Date.parse('2026-01-01') as Millis,
  features: { temperature: day.temperature, wind: day.wind },
  outputs: { probability: day.score },
  latencyMs: 1,
})

const declared = { spec: { objective: { task: 'binary_classification', metric: 'brier' }, monitors: {} } } as never

/** The components that monitoring asks: a project without a word about monitoring, one training set, a log in memory. */
const upstream = ({
  training,
  digest,
  log,
  traffic,
}: {
  training: readonly Day[]
  digest: string
  log: readonly Prediction[]
  traffic: Stage['traffic']
}): Pick<MonitoringParts, 'projects' | 'features' | 'registry' | 'serving'> => ({
  projects: { current: async () => declared, find: async () => declared },
  features: {
    trainingSet: async id =>
      ({ id, service: 'daily', digest, features: ['temperature', 'wind'], rows: training.length }) as never,
    resolveService: async () => ({ entityKey: 'city' }),
  },
  registry: {
    version: async id => versionOf(id),
    evaluated: async id => versionOf(id),
    score: async (_, rows) => ({
      outputs: { probability: rows.map(row => training.find(day => day.temperature === row['temperature'])!.score) },
    }),
  },
  serving: {
    deployment: async () => ({
      project,
      revisions: [1, 2].map(number => ({ id: `rev_${number}`, number })),
      traffic,
    }),
    predictionsById: async ids => log.filter(({ id }) => ids.includes(id)),
    predictions: async ({ from = 0, to = Infinity, limit, after = '0' }) => {
      const found = log.filter(row => row.eventTime >= from && row.eventTime < to)
      const end = Number(after) + limit
      return { items: found.slice(Number(after), end), ...(found.length > end && { next: String(end) }) }
    },
  },
})
