import type { AddressInfo } from 'node:net'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { InjectOptions, RouteOptions } from 'fastify'
import { sql } from 'kysely'
import { compose } from '../src/composition/compose.ts'
import type { Composition } from '../src/composition/composition.ts'
import { migrations } from '../src/composition/migrations.ts'
import { openOnlineStore } from '../src/features/index.ts'
import { createApp, type App } from '../src/http/index.ts'
import { wallClock } from '../src/kernel/clock.ts'
import { readConfig } from '../src/kernel/config.ts'
import { newId } from '../src/kernel/id.ts'
import { mountRoutes } from '../src/main.ts'
import { rain } from '../src/project/example.ts'
import { migrate, openDatabase, type Db } from '../src/storage/index.ts'

/** Every name of a thing of the secret project has this in it: an answer that shows it shows the thing. */
export const mark = 'zq7'
export const secretProject = `${mark}rain`

export interface Route {
  readonly method: string
  readonly url: string
  readonly config: NonNullable<RouteOptions['config']>
}

export const personas = ['anonymous', 'stranger', 'other', 'viewer', 'editor', 'manager', 'administrator'] as const
export type Persona = (typeof personas)[number]

export interface Stage {
  /** The folder that holds everything. */
  readonly data: string
  readonly app: App
  readonly parts: Composition
  readonly db: Db
  /** All routes of the control plane, each method by itself. */
  readonly routes: readonly Route[]
  ask(persona: Persona, request: InjectOptions): Promise<Answer>
  /** What a stream without end says within half a second. */
  hear(persona: Persona, url: string): Promise<string>
}

export interface Answer {
  readonly status: number
  readonly body: string
  /** Whether the guard let the request pass. */
  readonly reached: boolean
}

const addressOf = (app: App): string => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`

const reachedHeader = 'x-test-reached'

/** The whole control plane with its real routes, nothing running, on an address where everyone has to sign in. */
export async function openStage(t: TestContext): Promise<Stage> {
  const data = await mkdtemp(join(tmpdir(), 'trainyard-authorisation-'))
  const config = readConfig({}, { data, host: '0.0.0.0', port: '0', servingPort: '0', webhookTargets: 'any' }, {})
  const db = openDatabase('sqlite::memory:')
  await migrate(db, migrations)
  const onlineUrl = `sqlite:${join(data, 'online.db')}`
  const online = await openOnlineStore(onlineUrl)
  const warn = (): void => {}
  const surroundings = { config, db, online, onlineUrl, clock: wallClock, owner: 'test', version: '0', env: {}, warn }
  const parts = compose({ ...surroundings, baseUrl: () => 'http://test' })
  const app = await createApp({ version: '0' })
  const made: RouteOptions[] = []
  app.addHook('onRoute', route => void made.push(route))
  app.addHook('preParsing', async (_, reply) => void reply.header(reachedHeader, '1'))
  await mountRoutes(app, { parts, config, warn })
  await app.ready()
  // The guard has written into their configs what it found.
  const routes = made.flatMap(({ method, url, config: own = {} }) =>
    [method].flat().map(each => ({ method: each, url, config: own })),
  )
  t.after(async () => {
    await app.close()
    parts.duckdb.stop()
    parts.onnx.stop()
    await online.close()
    await db.destroy()
    await rm(data, { recursive: true, force: true })
  })
  const credentials = await credentialsOf(parts)
  return {
    data,
    app,
    parts,
    db,
    routes,
    async ask(persona, request) {
      const answer = await app.inject({ ...request, headers: { ...request.headers, ...credentials[persona] } })
      return { status: answer.statusCode, body: answer.body, reached: answer.headers[reachedHeader] === '1' }
    },
    async hear(persona, url) {
      const address = app.server.listening ? addressOf(app) : await app.listen({ port: 0, host: '127.0.0.1' })
      const { body } = await fetch(`${address}${url}`, {
        headers: credentials[persona],
        signal: AbortSignal.timeout(500),
      })
      const said: string[] = []
      const decoder = new TextDecoder()
      try {
        for await (const chunk of body!) said.push(decoder.decode(chunk, { stream: true }))
      } catch {
        // The time is over.
      }
      return said.join('')
    },
  }
}

async function credentialsOf({ access }: Composition): Promise<Readonly<Record<Persona, { authorization?: string }>>> {
  await access.users.create({ name: 'stranger' })
  const made = async (token: Parameters<typeof access.createToken>[0]): Promise<{ authorization: string }> => ({
    authorization: `Bearer ${(await access.createToken(token)).secret}`,
  })
  const projects = [secretProject]
  return {
    anonymous: {},
    stranger: await made({ name: 'stranger', user: 'stranger' }),
    other: await made({ name: 'other', role: 'admin', projects: ['snow'] }),
    viewer: await made({ name: 'viewer', role: 'viewer', projects }),
    editor: await made({ name: 'editor', role: 'editor', projects }),
    manager: await made({ name: 'manager', role: 'admin', projects }),
    administrator: await made({ name: 'administrator', role: 'admin' }),
  }
}

/** Values of path parameters by what stands before them, each a thing of the secret project. */
export type Examples = Readonly<Record<string, string>>

/** Of the project `snow`, made from a dataset version of the secret project. */
export const foreign = newId('dsv')

/** Fills the secret project with a thing of each kind that has an address of its own. */
export async function fillNative({ parts, db }: Stage): Promise<Examples> {
  const { projects, ledger, workflow } = parts
  for (const name of [secretProject, 'snow']) await projects.apply({ spec: { ...rain(), name }, actor: 'test' })
  const cause = { kind: 'manual', reason: mark } as const
  const run = await workflow.start({ project: secretProject, pipeline: 'training', cause })
  const [task] = await workflow.tasks(run.id)
  await sql`insert into serving_deployment (name, project, model, created_at)
    values (${`${mark}d`}, ${secretProject}, 'rain', 1)`.execute(db)
  const about = { label: mark, project: secretProject }
  const node = async (prefix: string, kind: Parameters<typeof ledger.record>[1]['kind']): Promise<string> => {
    const id = newId(prefix)
    await db.transaction().execute(tx => ledger.record(tx, { id, kind, ...about }))
    return id
  }
  ledger.provide('prd', async id => ({
    node: { id, kind: 'prediction', ...about, at: 1 as never, facts: {} },
    edges: [],
  }))
  const dataset = await node('dsv', 'dataset_version')
  await db.transaction().execute(async tx => {
    await ledger.record(tx, { id: foreign, kind: 'dataset_version', label: 'snow', project: 'snow' })
    await ledger.link(tx, { from: foreign, to: dataset, relation: 'made_from' })
  })
  const { experiments, runs } = parts.tracking
  const experiment = await experiments.create({ name: `${secretProject}/${mark}` })
  const tracked = await runs.create({ experimentId: experiment.id, name: mark })
  const study = {
    name: `${mark}s`,
    space: { x: { type: 'float', low: 0, high: 1 } },
    metric: mark,
    direction: 'maximise',
  }
  await parts.tuning.start({ project: secretProject, actor: 'test', study })
  await parts.tuning.ask({ project: secretProject, name: study.name }, { count: 1 })
  const model = await parts.registeredModels.place(`${secretProject}.${mark}m`, secretProject)
  await parts.registeredModels.create(model, { description: mark, tags: {}, actor: 'test' })
  return {
    experiments: experiment.id,
    models: model.fullName,
    runs: run.id,
    tasks: task!.id,
    deployments: `${mark}d`,
    lineage: dataset,
    predictions: newId('prd'),
    'dataset-versions': dataset,
    'training-sets': await node('trs', 'training_set'),
    'model-versions': await node('mdv', 'model_version'),
    'tracking-runs': tracked.id,
    studies: study.name,
    trials: '0',
    windows: await node('win', 'window'),
    incidents: await node('inc', 'incident'),
  }
}

/** Answers without end: asked by those alone who are refused, and in its own test. */
export const endless = '/api/v1/events/stream'
export const isMlflow = ({ url }: Route): boolean =>
  !url.startsWith('/api/v1/') && /^\/((ajax-)?api|v1\/traces|get-artifact|model-versions|graphql)/.test(url)
export const isNative = (route: Route): boolean => !isMlflow(route)

/** What no answer to a client may show: stacks, statements, paths of the machine. */
const internals =
  /\n\s+at |node_modules|\/tmp\/|\/work\/|\.ts:\d|\b(select|insert into|update|delete from) ["a-z_]+|sqlite|constraint failed|syntax error/i

export function requireClean(answer: Answer, what: string): void {
  assert.ok(answer.status < 500 || answer.status === 503, `${what} answers ${answer.status}: ${answer.body}`)
  if (answer.status >= 400) assert.doesNotMatch(answer.body, internals, what)
}

export const nameOf = ({ method, url }: Pick<Route, 'method' | 'url'>, persona: string): string =>
  `${persona}: ${method} ${url}`

export const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD'
