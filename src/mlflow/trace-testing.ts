import type { TestContext } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { guard, type Access } from '#access'
import { createApp, type App } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import type { Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import {
  createEvaluationDatasets,
  createScorers,
  createTraces,
  sqlEvaluationStore,
  sqlScorerStore,
  sqlTraceStore,
  traceMigrations,
} from '#traces'
import { assessmentCalls } from './assessments.ts'
import { evaluationDatasetCalls } from './evaluation-datasets.ts'
import { otlpStreams } from './otlp.ts'
import { mlflowRoutes } from './routes.ts'
import { scorerCalls } from './scorers.ts'
import { traceArtifactStreams } from './trace-artifacts.ts'
import { traceCalls } from './traces.ts'
import { traceV2Calls } from './traces-v2.ts'

export interface TestTraces {
  readonly app: App
  readonly db: Db
  readonly clock: ReturnType<typeof manualClock>
  /** Files of traces, by proxied path. */
  readonly files: Map<string, string>
  /** Projects in which the caller may do no more than this; elsewhere everything. */
  readonly limits: Map<string, 'read' | 'nothing'>
  /** Milliseconds of every pause that was made. */
  readonly pauses: number[]
  /** Calls below /api/; answers status and body. */
  call(method: string, path: string, body?: object): Promise<{ status: number; body: any }> // oxlint-disable-line typescript/no-explicit-any -- a body is whatever the test says it is
}

const permitWithin =
  (limits: TestTraces['limits']): FastifyRequest['permit'] =>
  async (permission, asked) => {
    const resource = await asked
    const limit = limits.get(resource.project)
    if (limit === 'nothing' || (limit === 'read' && permission !== 'read'))
      throw new TrainyardError('forbidden', `You may not ${permission} here.`)
    return resource
  }

/** The routes of traces over SQLite: experiment 1 is of project rain, 2 of sun, 3 is deleted; run `r1` is in 1. */
export async function testTraces(t: TestContext): Promise<TestTraces> {
  const db = await testEngines()[0]!.open(t, traceMigrations)
  const clock = manualClock(1_700_000_000_000)
  const files = new Map<string, string>()
  const pauses: number[] = []
  const limits: TestTraces['limits'] = new Map()
  const known = <Value extends { id: string }>(what: string, values: readonly Value[]) => ({
    async get(id: string): Promise<Value> {
      const value = values.find(each => each.id === id)
      if (!value) throw notFound(what, id)
      return value
    },
  })
  const experiment = (id: string, project: string, lifecycle: 'active' | 'deleted' = 'active') => ({
    id,
    project,
    lifecycle,
    artifactLocation: `mlflow-artifacts:/${id}`,
  })
  const experiments = known('experiment', [
    experiment('1', 'rain'),
    experiment('2', 'sun'),
    experiment('3', 'rain', 'deleted'),
  ])
  const traces = createTraces({
    store: sqlTraceStore(db),
    experiments,
    runs: known('run', [{ id: 'r1', experimentId: '1', project: 'rain' }]),
    files: { text: async path => files.get(path) },
    clock,
    pause: async ms => void pauses.push(ms),
  })
  const parts = {
    traces,
    experiments,
    datasets: createEvaluationDatasets({ store: sqlEvaluationStore(db), clock }),
    scorers: createScorers({ store: sqlScorerStore(db), clock }),
  }
  const app = await createApp({ version: '0' })
  guard(app, { access: {} as Access, host: '127.0.0.1', reachOf: () => 'caller' })
  app.addHook('onRequest', async request => {
    request.mayRead = async ({ project }) => limits.get(project) !== 'nothing'
    request.permit = permitWithin(limits)
  })
  mlflowRoutes(
    app,
    [traceCalls(parts), traceV2Calls(parts), assessmentCalls(parts), evaluationDatasetCalls(parts), scorerCalls(parts)],
    [otlpStreams(parts), traceArtifactStreams(parts)],
  )
  t.after(() => app.close())
  return {
    app,
    db,
    clock,
    files,
    limits,
    pauses,
    async call(method, path, body) {
      const url = `/api/${path}`
      const query = method === 'GET' && body ? `?${queryOf(body)}` : ''
      const payload = method === 'GET' || body === undefined ? {} : { payload: body }
      const reply = await app.inject({ method: method as 'GET', url: `${url}${query}`, ...payload })
      return { status: reply.statusCode, body: reply.json() }
    },
  }
}

const queryOf = (body: object): string =>
  new URLSearchParams(
    Object.entries(body).flatMap(([key, value]) => [value].flat().map((each): [string, string] => [key, String(each)])),
  ).toString()
