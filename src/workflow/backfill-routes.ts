import type { z } from 'zod'
import type { App } from '#http'
import type { Millis } from '#kernel/clock.ts'
import type { BackfillRequest, Backfilled, Backfills } from './backfills.ts'
import {
  BackfillBody,
  BackfillPage,
  BackfillParams,
  BackfillPlan,
  BackfillQuery,
  BackfillsParams,
  BackfillWire,
} from './backfill-wire.ts'
import { ProjectParams } from './wire.ts'

const tags = ['workflow']
const ofPipeline = '/api/v1/projects/:project/pipelines/:pipeline/backfills'
const ofProject = '/api/v1/projects/:project/backfills'

export function backfillRoutes(app: App, backfills: Backfills): void {
  app.post(
    ofPipeline,
    {
      schema: {
        summary: 'Run a pipeline for past instants of its schedule, once for each',
        tags,
        params: BackfillsParams,
        body: BackfillBody,
        response: { 201: BackfillWire },
      },
    },
    async ({ params, body, actor }, reply) =>
      reply.code(201).send(toWire(await backfills.start(requestOf(params, body, actor)))),
  )

  app.post(
    `${ofPipeline}/plan`,
    {
      schema: {
        summary: 'What a back-fill would do',
        tags,
        params: BackfillsParams,
        body: BackfillBody,
        response: { 200: BackfillPlan },
      },
    },
    async ({ params, body, actor }) => {
      const items = await backfills.plan(requestOf(params, body, actor))
      return { items: items.map(item => ({ ...item, instant: item.instant as Millis })) }
    },
  )

  app.get(
    ofProject,
    {
      schema: {
        summary: 'Back-fills of a project, newest first',
        tags,
        params: ProjectParams,
        querystring: BackfillQuery,
        response: { 200: BackfillPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await backfills.list(params.project, query)
      return { ...rest, items: items.map(toWire) }
    },
  )

  app.get(
    `${ofProject}/:backfill`,
    { schema: { summary: 'How far a back-fill is', tags, params: BackfillParams, response: { 200: BackfillWire } } },
    async ({ params }) => toWire(await backfills.find(params.project, params.backfill)),
  )

  app.post(
    `${ofProject}/:backfill/cancel`,
    {
      schema: {
        summary: 'Begin no more runs of a back-fill, and cancel those that have not ended',
        tags,
        params: BackfillParams,
        response: { 200: BackfillWire },
      },
    },
    async ({ params, actor }) => toWire(await backfills.cancel(params.project, params.backfill, actor)),
  )
}

const requestOf = (
  params: z.output<typeof BackfillsParams>,
  { from, to, ...body }: z.output<typeof BackfillBody>,
  actor: string,
): BackfillRequest => ({ ...params, ...body, from: Date.parse(from), to: Date.parse(to), actor })

function toWire({ backfill, runs }: Backfilled) {
  const { id, pipeline, trigger, again, order, concurrency, actor, total, looked, kept, endedAt, cancelled, error } =
    backfill
  const plain = { id, pipeline, trigger, again, order, concurrency, actor, total, looked, kept, runs }
  return {
    ...plain,
    from: backfill.from as Millis,
    to: backfill.to as Millis,
    createdAt: backfill.createdAt as Millis,
    ...(endedAt !== undefined && { endedAt: endedAt as Millis }),
    ...(cancelled && { cancelled: { ...cancelled, at: cancelled.at as Millis } }),
    ...(error !== undefined && { error }),
  }
}
