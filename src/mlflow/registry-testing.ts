import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { guard, type Access } from '#access'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import type { Projects } from '#project'
import {
  createProductionRule,
  createRegisteredModels,
  createRegisteredVersions,
  createRegistry,
  registryMigrations,
  sqlModelStore,
  webhookRoutes,
  type SourceOwners,
} from '#registry'
import { testWebhookMigrations, testWebhooks } from '#registry/webhook-testing.ts'
import { createOutbox, fsBlobs, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { modelVersionCalls } from './model-versions.ts'
import { registeredModelCalls } from './registered-models.ts'
import { mlflowRoutes } from './routes.ts'
import { webhookCalls } from './webhooks.ts'

type File = Awaited<ReturnType<SourceOwners['tree']>>[number]

/**
 * The registry's calls over a database. The project `rain` declares the model `umbrella`, run `r1` of project `default`
 * has the files that a test puts there. Nobody may read the project of run `r2`, the experiment of `r3`, or the model
 * `closed`.
 */
export async function testRegistry(t: TestContext, engine = testEngines()[0]!) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-registry-'))
  t.after(() => rm(folder, { recursive: true }))
  const db = await engine.open(t, [...outboxMigrations, ...registryMigrations, ...testWebhookMigrations])
  const [blobs, clock] = [fsBlobs(folder), manualClock(1_000)]
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const nothing = async (): Promise<void> => {}
  const ledger = { record: nothing, link: nothing, linkFirst: nothing }
  const spec = { models: { umbrella: { guardedAliases: ['live'] } } }
  const projects = {
    find: async (name: string) => (name === 'rain' ? { spec } : undefined),
  } as unknown as Pick<Projects, 'find'>
  const files: Record<string, File[]> = {}
  const known =
    <Value>(values: Readonly<Record<string, Value>>) =>
    async (id: string) => {
      if (!Object.hasOwn(values, id)) throw notFound('thing', id)
      return values[id]!
    }
  const owners: SourceOwners = {
    run: known({
      r1: { project: 'default', artifactUri: 'mlflow-artifacts:/0/r1/artifacts' },
      r2: { project: 'secret', artifactUri: 'mlflow-artifacts:/9/r2/artifacts' },
      r3: { project: 'default', experimentId: '8', artifactUri: 'mlflow-artifacts:/8/r3/artifacts' },
    }),
    loggedModel: known({
      'm-1': { project: 'default', artifactUri: 'mlflow-artifacts:/0/models/m-1/artifacts', sourceRunId: 'r1' },
    }),
    tree: async path => files[path] ?? [],
  }
  const production = createProductionRule(projects)
  const isProject = async (project: string): Promise<boolean> => (await projects.find(project)) !== undefined
  const common = { db, outbox, ledger, projects, isProject, production, blobs, clock }
  const parts = { ...common, store: sqlModelStore(db), onnx: {} as never }
  const [registry, models] = [createRegistry(parts), createRegisteredModels(parts)]
  const versions = createRegisteredVersions({ ...parts, owners, place: models.place })
  const { courier, webhooks } = testWebhooks(db, clock)
  outbox.subscribe('webhooks', webhooks.handlers)

  const app = await createApp({ version: '0' })
  guard(app, { access: {} as Access, host: '127.0.0.1', reachOf: () => 'caller' })
  app.addHook('preHandler', async request => {
    request.mayRead = async ({ project, id }) => project !== 'secret' && id !== '8' && id !== 'closed'
  })
  const calls = [
    registeredModelCalls({ models, versions }),
    modelVersionCalls({ models, versions }),
    webhookCalls({ webhooks }),
  ]
  mlflowRoutes(app, calls)
  webhookRoutes(app, webhooks)
  t.after(() => app.close())

  /** Calls `POST registered-models/create`: what it answers, or its error as `<status> <code>: <message>`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what it answers is JSON
  async function call(line: string, body: Readonly<Record<string, unknown>> = {}): Promise<any> {
    const [method, path] = line.split(' ') as ['GET' | 'POST' | 'PATCH' | 'DELETE', string]
    const query = method === 'GET' ? `?${new URLSearchParams(toQuery(body)).toString()}` : ''
    const reply = await app.inject({
      method,
      url: `/api/2.0/mlflow/${path}${query}`,
      ...(method !== 'GET' && { payload: body }),
    })
    const answer = reply.json()
    return reply.statusCode === 200 ? answer : `${reply.statusCode} ${answer.error_code}: ${answer.message}`
  }
  return { app, blobs, call, clock, courier, db, files, models, outbox, production, registry, versions }
}

const toQuery = (body: Readonly<Record<string, unknown>>): string[][] =>
  Object.entries(body).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(one => [key, String(one)]),
  )
