import type { TestContext } from 'node:test'
import { guard, type Access } from '#access'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { parseExactly } from '#kernel/json.ts'
import { createLedger, metadataMigrations, sqlLedgerStore } from '#metadata'
import { testEngines } from '#storage/testing.ts'
import { createTracking, loggedModelMigrations, sqlTrackingStores, trackingMigrations } from '#tracking'
import { experimentCalls } from './experiments.ts'
import { inputCalls } from './inputs.ts'
import { metricCalls } from './metrics.ts'
import { mlflowRoutes } from './routes.ts'
import { runCalls } from './runs.ts'

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Calls of MLflow's tracking API over an empty database, as the person at the machine. */
export interface TestWire {
  post(path: string, body?: unknown): Promise<Answer>
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Answer>
  /** An active run of a new experiment. */
  run(): Promise<{ experiment: string; run: string }>
}

export async function openWire(t: TestContext): Promise<TestWire> {
  const db = await testEngines()[0]!.open(t, [metadataMigrations, trackingMigrations, loggedModelMigrations].flat())
  const clock = manualClock(1_700_000_000_000)
  const ledger = createLedger({ clock, store: sqlLedgerStore(db) })
  const tracking = createTracking({ db, clock, ledger, stores: sqlTrackingStores(db), isProject: async () => false })
  const app = await createApp({ version: '0' })
  guard(app, { access: {} as Access, host: '127.0.0.1', reachOf: () => 'caller' })
  mlflowRoutes(app, [experimentCalls(tracking), runCalls(tracking), metricCalls(tracking), inputCalls(tracking)])
  t.after(() => app.close())

  async function call(method: 'GET' | 'POST', url: string, payload?: string): Promise<Answer> {
    const { statusCode, body } = await app.inject({
      method,
      url,
      headers: { host: '127.0.0.1', ...(payload !== undefined && { 'content-type': 'application/json' }) },
      ...(payload !== undefined && { payload }),
    })
    return { status: statusCode, body: parseExactly(body) as Answer['body'] }
  }
  const post: TestWire['post'] = (path, body = {}) =>
    call('POST', `/api/2.0/mlflow/${path}`, typeof body === 'string' ? body : JSON.stringify(body))
  let experiments = 0

  return {
    post,
    get: (path, query = {}) => call('GET', `/ajax-api/2.0/mlflow/${path}?${new URLSearchParams(query).toString()}`),
    async run() {
      const made = await post('experiments/create', { name: `e${++experiments}` })
      const experiment = made.body['experiment_id'] as string
      const { body } = await post('runs/create', { experiment_id: experiment, start_time: 5, run_name: 'r' })
      return { experiment, run: (body['run'] as { info: { run_id: string } }).info.run_id }
    },
  }
}
