import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { invalid } from '#kernel/error.ts'
import { parseFilter, parseOrder } from '#search'
import { experimentLanguage } from './experiment-language.ts'
import type { Experiment } from './experiment.ts'
import { experimentJson, rowJson } from './run-json.ts'
import { runLanguage } from './run-language.ts'
import type { RunColumn } from './store.ts'
import type { Tracking } from './tracking.ts'
import { ExperimentDetail, ExperimentPage, RunRowPage } from './wire.ts'
import { experimentResource } from './resource.ts'

type Parts = Pick<Tracking, 'experiments' | 'runs'>

const tags = ['tracking']
// Each handler asks for the permission, or leaves out what may not be read.
const config = { role: 'viewer', project: 'caller', may: 'readable' } as const
const Params = z.object({ experiment: z.string().max(40) })
const View = z.enum(['active', 'deleted', 'all']).default('active')
const Limits = z.object({ limit: z.int().min(1).max(500).default(50), after: z.string().max(4_000).optional() })
const Filter = z.string().max(20_000).optional()

const keysMax = 1_000
const columnsMax = 200
/** Beyond it, counting would take longer than the page. */
const countedMax = 10_000

export function experimentRoutes(app: App, parts: Parts): void {
  listRoute(app, parts)
  detailRoute(app, parts)
  runsRoute(app, parts)
}

function listRoute(app: App, { experiments }: Parts): void {
  app.get(
    '/api/v1/experiments',
    {
      config,
      schema: {
        summary: 'Experiments that the caller may read, by name, with counts of their runs',
        tags,
        querystring: Limits.extend({ view: View, filter: Filter }),
        response: { 200: ExperimentPage },
      },
    },
    async request => {
      const { view, filter, ...page } = request.query
      const { readable } = request
      const { items, next } = await experiments.search(
        {
          view,
          filter: parseFilter(filter, experimentLanguage),
          order: parseOrder(['name'], experimentLanguage),
          ...(readable !== 'all' && { projects: readable, ids: await request.granted('experiment') }),
        },
        page,
      )
      const open: Experiment[] = []
      for (const each of items) if (await request.mayRead(experimentResource(each))) open.push(each)
      const counts = await experiments.counts(open.map(({ id }) => id))
      return {
        items: open.map(each => experimentJson(each, counts.get(each.id))),
        ...(next !== undefined && { next }),
      }
    },
  )
}

/** Throws `not_found` and `forbidden`. */
async function readableOne({ experiments }: Parts, request: FastifyRequest, id: string): Promise<Experiment> {
  const looked = experiments.get(id)
  await request.permit('read', looked.then(experimentResource))
  return looked
}

function detailRoute(app: App, parts: Parts): void {
  app.get(
    '/api/v1/experiments/:experiment',
    {
      config,
      schema: {
        summary: 'An experiment, with the names that its runs have logged',
        tags,
        params: Params,
        response: { 200: ExperimentDetail },
      },
    },
    async request => {
      const experiment = await readableOne(parts, request, request.params.experiment)
      const counts = await parts.experiments.counts([experiment.id])
      const keys = await parts.experiments.keys(experiment.id, keysMax)
      return {
        ...experimentJson(experiment, counts.get(experiment.id)),
        metrics: [...keys.metrics],
        params: [...keys.params],
        tagKeys: [...keys.tags],
      }
    },
  )
}

function runsRoute(app: App, parts: Parts): void {
  app.get(
    '/api/v1/experiments/:experiment/runs',
    {
      config,
      schema: {
        summary: 'Runs of an experiment as a table, in the language and order of searches',
        tags,
        params: Params,
        querystring: Limits.extend({
          view: View,
          filter: Filter,
          order: z.string().max(2_000).optional().meta({ description: 'metrics.loss DESC, attributes.run_name' }),
          columns: z.string().max(20_000).optional().meta({ description: 'metrics.loss,params.lr,tags.team' }),
        }),
        response: { 200: RunRowPage },
      },
    },
    async request => {
      const { id } = await readableOne(parts, request, request.params.experiment)
      const { view, filter, order, columns, ...page } = request.query
      const query = {
        experiments: [id],
        filter: parseFilter(filter, runLanguage),
        order: parseOrder(listed(order), runLanguage),
        view,
      }
      const { items, next } = await parts.runs.table(query, columnsOf(columns), page)
      const count = await parts.runs.count(query, countedMax)
      return {
        items: items.map(rowJson),
        count: Math.min(count, countedMax),
        more: count > countedMax,
        ...(next !== undefined && { next }),
      }
    },
  )
}

/** Keys have no commas: MLflow allows none. */
const listed = (text = ''): string[] =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)

/** Throws `invalid` on what is no column. */
function columnsOf(text: string | undefined): readonly RunColumn[] {
  const found = listed(text).map(column => {
    const [, kind, key] = /^(metrics|params|tags)\.(.+)$/s.exec(column) ?? []
    if (kind === undefined || key === undefined)
      throw invalid(`${column} is no column of a table of runs.`, [
        { field: 'columns', value: column, allowed: 'metrics.<key>, params.<key> or tags.<key>' },
      ])
    return { kind: kind as RunColumn['kind'], key }
  })
  if (found.length <= columnsMax) return found
  throw invalid('So many columns are more than a table has room for.', [
    { field: 'columns', value: found.length, allowed: `at most ${columnsMax}` },
  ])
}
