import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { durationMs } from '#kernel/duration.ts'
import type { Workflow } from '#workflow'
import { LogQuery, LogWire } from '#workflow/wire.ts'
import type { Environments } from './environments.ts'
import {
  EnvironmentList,
  EnvironmentPage,
  EnvironmentParams,
  EnvironmentQuery,
  EnvironmentSweepBody,
  EnvironmentWire,
  TaskEnvironmentParams,
  TaskParams,
} from './environment-wire.ts'

interface Parts {
  readonly environments: Pick<Environments, 'list' | 'find' | 'log' | 'remove' | 'sweep'>
  readonly workflow: Pick<Workflow, 'runOfTask' | 'task'>
  /** How long an unused environment is kept. */
  readonly retentionMs: number
}

const tags = ['environments']
const ofPlatform = { role: 'admin', project: 'platform' } as const
const root = '/api/v1/environments'

/** Environments of this server's machine: all of them for who runs it, those of a task for who may see the task. */
export function environmentRoutes(app: App, parts: Parts): void {
  platformRoutes(app, parts)
  taskRoutes(app, parts)
}

function platformRoutes(app: App, { environments, retentionMs }: Parts): void {
  app.get(
    root,
    {
      config: ofPlatform,
      schema: {
        summary: 'Environments of the machine, by digest',
        tags,
        querystring: EnvironmentQuery,
        response: { 200: EnvironmentPage },
      },
    },
    async ({ query }) => {
      const { items, ...rest } = await environments.list(query)
      return { ...rest, items: [...items] }
    },
  )

  const about = { tags, params: EnvironmentParams, response: { 200: EnvironmentWire } }
  app.get(
    `${root}/:digest`,
    { config: ofPlatform, schema: { ...about, summary: 'An environment' } },
    async ({ params: { digest } }) => {
      const found = await environments.find(digest)
      if (!found) throw notFound('environment', digest)
      return found
    },
  )

  app.get(
    `${root}/:digest/log`,
    {
      config: ofPlatform,
      schema: {
        summary: 'What the last build of an environment has said, from a byte on',
        tags,
        params: EnvironmentParams,
        querystring: LogQuery,
        response: { 200: LogWire },
      },
    },
    async ({ params, query }) => environments.log(params.digest, query.offset),
  )

  app.delete(
    `${root}/:digest`,
    { config: ofPlatform, schema: { ...about, summary: 'Remove an environment that is not in use' } },
    async ({ params }) => environments.remove(params.digest),
  )

  app.post(
    `${root}/sweep`,
    {
      config: ofPlatform,
      schema: {
        summary: 'Remove the environments that nothing has used for long',
        tags,
        body: EnvironmentSweepBody,
        response: { 200: EnvironmentList },
      },
    },
    async ({ body: { unused } }) => ({
      items: [...(await environments.sweep(unused === undefined ? retentionMs : durationMs(unused)))],
    }),
  )
}

function taskRoutes(app: App, { environments, workflow }: Parts): void {
  async function digestsOf(id: string): Promise<ReadonlySet<string>> {
    const run = await workflow.runOfTask(id)
    const { attempts } = await workflow.task(run.id, id)
    return new Set(attempts.flatMap(({ record }) => (record.environments ?? []).map(({ digest }) => digest)))
  }

  app.get(
    '/api/v1/tasks/:task/environments',
    {
      schema: {
        summary: 'The environments of a task, of those that are on this machine',
        tags,
        params: TaskParams,
        response: { 200: EnvironmentList },
      },
    },
    async ({ params }) => {
      const found = await Promise.all([...(await digestsOf(params.task))].map(environments.find))
      return { items: found.flatMap(environment => environment ?? []) }
    },
  )

  app.get(
    '/api/v1/tasks/:task/environments/:digest/log',
    {
      schema: {
        summary: 'What the last build of an environment of a task has said, from a byte on',
        tags,
        params: TaskEnvironmentParams,
        querystring: LogQuery,
        response: { 200: LogWire },
      },
    },
    async ({ params: { task, digest }, query }) => {
      if (!(await digestsOf(task)).has(digest)) throw notFound('environment', digest)
      return environments.log(digest, query.offset)
    },
  )
}
