import type { FastifyRequest } from 'fastify'
import type { App } from '#http'
import { contentDigest } from '#kernel/content-digest.ts'
import { digestOf } from '#kernel/digest.ts'
import {
  DecisionBody,
  LogList,
  LogQuery,
  LogWire,
  OutputParams,
  OverviewQuery,
  GridQuery,
  PipelineGridWire,
  PipelineList,
  PipelineParams,
  ProjectParams,
  ReproductionWire,
  RunDetail,
  RunDetailQuery,
  RunOverview,
  RunPage,
  RunParams,
  RunQuery,
  RunTaskParams,
  RunWire,
  StartBody,
  TaskDetail,
  TaskPage,
  TaskParams,
  TaskQuery,
  TaskRunWire,
} from './wire.ts'
import { backfillRoutes } from './backfill-routes.ts'
import { triggerRoutes } from './trigger-routes.ts'
import type { Workflow } from './workflow.ts'

const tags = ['workflow']

/** What the one who asks is in a project. */
export type RoleIn = (request: FastifyRequest, project: string) => string | undefined

export function workflowRoutes(app: App, workflow: Workflow, roleIn: RoleIn): void {
  projectRunRoutes(app, workflow)
  runRoutes(app, workflow)
  taskRoutes(app, workflow)
  logRoutes(app, workflow)
  reproductionRoutes(app, workflow)
  decisionRoutes(app, workflow, roleIn)
  triggerRoutes(app, workflow.triggers)
  backfillRoutes(app, workflow.backfills)
}

function projectRunRoutes(app: App, workflow: Workflow): void {
  app.get(
    '/api/v1/projects/:project/pipelines',
    {
      schema: { summary: 'Pipelines of a project', tags, params: ProjectParams, response: { 200: PipelineList } },
    },
    async ({ params }) => ({ items: [...(await workflow.pipelines(params.project))] }),
  )

  app.get(
    '/api/v1/projects/:project/pipelines/:pipeline/grid',
    {
      schema: {
        summary: 'How the last runs of a pipeline went, task by task',
        tags,
        params: PipelineParams,
        querystring: GridQuery,
        response: { 200: PipelineGridWire },
      },
    },
    async ({ params, query: { limit } }) => workflow.grid(params, limit),
  )

  app.get(
    '/api/v1/projects/:project/runs',
    {
      schema: {
        summary: 'Runs of a project, newest first',
        tags,
        params: ProjectParams,
        querystring: RunQuery,
        response: { 200: RunPage },
      },
    },
    async ({ params, query: { pipeline, state, ...page } }) => {
      const { items, ...rest } = await workflow.runs({ ...params, pipeline, state }, page)
      return { ...rest, items: [...items] }
    },
  )

  app.post(
    '/api/v1/projects/:project/runs',
    {
      schema: { summary: 'Start a pipeline', tags, params: ProjectParams, body: StartBody, response: { 201: RunWire } },
    },
    async ({ params, body: { reason, ...request }, actor }, reply) =>
      reply.code(201).send(await workflow.start({ ...params, ...request, cause: { kind: 'manual', reason }, actor })),
  )
}

function runRoutes(app: App, workflow: Workflow): void {
  app.get(
    '/api/v1/runs/:run',
    {
      schema: {
        summary: 'A run with its tasks, of very many page by page',
        tags,
        params: RunParams,
        querystring: RunDetailQuery,
        response: { 200: RunDetail },
      },
    },
    async ({ params, query }) => {
      const run = await workflow.run(params.run)
      const { items, ...rest } = await workflow.taskPage(run.id, query)
      return { run, tasks: [...items], ...rest }
    },
  )

  app.get(
    '/api/v1/runs/:run/overview',
    {
      schema: {
        summary: 'A run at a glance: how many tasks are in which state, and the first of them',
        tags,
        params: RunParams,
        querystring: OverviewQuery,
        response: { 200: RunOverview },
      },
    },
    async ({ params, query: { limit } }) => {
      const { tasks, ...rest } = await workflow.overview(params.run, limit)
      return { ...rest, tasks: { ...tasks, items: [...tasks.items] } }
    },
  )

  app.post(
    '/api/v1/runs/:run/cancel',
    {
      schema: { summary: 'Cancel a run', tags, params: RunParams, response: { 200: RunWire } },
    },
    async ({ params, actor }) => workflow.cancel(params.run, actor),
  )

  app.post(
    '/api/v1/runs/:run/resume',
    {
      schema: { summary: 'Run again what did not succeed', tags, params: RunParams, response: { 200: RunWire } },
    },
    async ({ params, actor }) => workflow.resume(params.run, actor),
  )
}

function decisionRoutes(app: App, workflow: Workflow, roleIn: RoleIn): void {
  app.post(
    '/api/v1/runs/:run/tasks/:task/decision',
    {
      schema: {
        summary: 'Approve or reject what a run waits for',
        tags,
        params: RunTaskParams,
        body: DecisionBody,
        response: { 200: TaskRunWire },
      },
    },
    async request => {
      const { params, body, actor } = request
      const { project } = await workflow.run(params.run)
      return workflow.decide(params.run, params.task, { ...body, actor, role: roleIn(request, project) ?? 'none' })
    },
  )
}

function reproductionRoutes(app: App, workflow: Workflow): void {
  app.post(
    '/api/v1/runs/:run/reproductions',
    {
      schema: { summary: 'Do a run again from its record', tags, params: RunParams, response: { 201: RunWire } },
    },
    async ({ params, actor }, reply) => reply.code(201).send(await workflow.reproduce(params.run, actor)),
  )

  app.get(
    '/api/v1/runs/:run/reproduction',
    {
      schema: {
        summary: 'Whether a run that does another again gave the same',
        tags,
        params: RunParams,
        response: { 200: ReproductionWire },
      },
    },
    async ({ params }) => workflow.reproduction(params.run),
  )
}

function logRoutes(app: App, workflow: Workflow): void {
  app.get(
    '/api/v1/tasks/:task/log',
    {
      schema: {
        summary: 'Log of a task, from a byte on',
        tags,
        params: TaskParams,
        querystring: LogQuery,
        response: { 200: LogWire },
      },
    },
    async ({ params, query }) => workflow.log(params.task, query.offset),
  )

  app.get(
    '/api/v1/runs/:run/logs',
    { schema: { summary: 'The logs that tasks of a run have', tags, params: RunParams, response: { 200: LogList } } },
    async ({ params }) => ({ items: [...(await workflow.logs(params.run))] }),
  )

  app.get(
    '/api/v1/runs/:run/logs/:task',
    { schema: { summary: 'Download a log, as it is now', tags, params: RunTaskParams } },
    async ({ params }, reply) => {
      const bytes = await workflow.wholeLog(params.run, params.task)
      return reply
        .headers({
          'content-type': 'text/plain; charset=utf-8',
          'content-disposition': 'attachment',
          'x-content-type-options': 'nosniff',
          'content-digest': contentDigest(digestOf(bytes)),
        })
        .send(bytes)
    },
  )
}

function taskRoutes(app: App, workflow: Workflow): void {
  app.get(
    '/api/v1/runs/:run/tasks',
    {
      schema: {
        summary: 'The tasks of a run in short, or the calls of a task for each item',
        tags,
        params: RunParams,
        querystring: TaskQuery,
        response: { 200: TaskPage },
      },
    },
    async ({ params, query: { of, state, around, ...page } }) => {
      const { items, ...rest } = await workflow.taskLines({ ...params, parent: of, state, around }, page)
      return { ...rest, items: [...items] }
    },
  )

  app.get(
    '/api/v1/runs/:run/tasks/:task',
    {
      schema: {
        summary: 'A task with its attempts: code, environment, host, resources, exit',
        tags,
        params: RunTaskParams,
        response: { 200: TaskDetail },
      },
    },
    async ({ params }) => {
      const { task, attempts } = await workflow.task(params.run, params.task)
      return { task, attempts: [...attempts] }
    },
  )

  app.get(
    '/api/v1/tasks/:task/outputs/:name',
    {
      schema: { summary: 'Bytes of an output', tags, params: OutputParams },
    },
    async ({ params }, reply) => {
      const { artifact, bytes } = await workflow.output(params.task, params.name)
      // Users' bytes: never shown as a page of this origin.
      return reply
        .headers({
          'content-disposition': `attachment; filename="${params.name}"`,
          'content-security-policy': 'sandbox',
          'x-content-type-options': 'nosniff',
        })
        .headers(artifact.size === undefined ? {} : { 'content-length': artifact.size })
        .type('application/octet-stream')
        .send(bytes)
    },
  )
}
