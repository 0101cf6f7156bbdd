import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import { invalid } from '#kernel/error.ts'
import { int64Of, type Int64 } from '#kernel/int64.ts'
import { Int64Wire } from '#kernel/wire.ts'
import { historyJson, metricJson, runJson } from './run-json.ts'
import type { Tracking } from './tracking.ts'
import { axes, ComparisonWire, HistoryList, type HistoryWire, TrackingRunWire } from './wire.ts'
import { ownerResource } from './resource.ts'

type Parts = Pick<Tracking, 'runs' | 'history'>

const tags = ['tracking']
// Each handler asks for the permission.
const config = { role: 'viewer', project: 'caller', may: 'readable' } as const

const comparedMax = 100
const seriesMax = 500
const comparedMetricsMax = 5_000

type RunJson = z.input<typeof TrackingRunWire>

export function runRoutes(app: App, parts: Parts): void {
  readRoutes(app, parts)
  historyRoute(app, parts)
}

/** Throws `not_found` and `forbidden`. */
async function permitRun({ runs }: Pick<Parts, 'runs'>, request: FastifyRequest, id: string): Promise<void> {
  await request.permit('read', runs.ownerOf(id).then(ownerResource))
}

function readRoutes(app: App, parts: Parts): void {
  app.get(
    '/api/v1/tracking-runs/:id',
    {
      config,
      schema: {
        summary: 'A tracking run, with all that it has logged but the histories of its metrics',
        tags,
        params: z.object({ id: z.string().max(64) }),
        response: { 200: TrackingRunWire },
      },
    },
    async request => {
      await permitRun(parts, request, request.params.id)
      return runJson(await parts.runs.document(request.params.id))
    },
  )

  app.get(
    '/api/v1/run-comparison',
    {
      config,
      schema: {
        summary: 'Tracking runs side by side',
        tags,
        querystring: z.object({
          runs: z.string().max(10_000).meta({ description: 'Ids, with commas between them.' }),
          step: Int64Wire.optional().meta({
            description: 'Metrics as they were at this step, or at the last one before it, instead of the latest.',
          }),
        }),
        response: { 200: ComparisonWire },
      },
    },
    async request => {
      const { runs, step } = request.query
      const items: RunJson[] = []
      for (const id of listed('runs', runs, comparedMax)) {
        await permitRun(parts, request, id)
        items.push(runJson(await parts.runs.document(id)))
      }
      if (step === undefined) return { items }
      const count = items.reduce((sum, { metrics }) => sum + Object.keys(metrics).length, 0)
      if (count > comparedMetricsMax) throw tooMany('metrics of the runs', count, comparedMetricsMax)
      return { items: await Promise.all(items.map(item => atStep(parts, item, int64Of(step)))) }
    },
  )
}

async function atStep({ history }: Pick<Parts, 'history'>, run: RunJson, step: Int64): Promise<RunJson> {
  const metrics: RunJson['metrics'] = {}
  for (const key of Object.keys(run.metrics)) {
    const point = await history.at({ run: run.id, key }, step)
    if (point) metrics[key] = metricJson(point)
  }
  return { ...run, metrics }
}

function historyRoute(app: App, parts: Parts): void {
  app.get(
    '/api/v1/metric-histories',
    {
      config,
      schema: {
        summary: 'Metrics of runs over steps or time, in at most so many buckets each',
        tags,
        querystring: z.object({
          runs: z.string().max(10_000).meta({ description: 'Ids, with commas between them.' }),
          keys: z.string().max(50_000).meta({ description: 'Names of metrics, with commas between them.' }),
          axis: z.enum(axes).default('step'),
          from: z.number().optional(),
          to: z.number().optional(),
          buckets: z.int().min(1).max(2_000).default(500),
        }),
        response: { 200: HistoryList },
      },
    },
    async request => {
      const { axis, buckets, from, to, ...names } = request.query
      const ids = listed('runs', names.runs, comparedMax)
      const keys = listed('keys', names.keys, Math.floor(seriesMax / Math.max(1, ids.length)))
      // Side by side: while PostgreSQL reads one, what it said of another is reduced.
      const ofRuns = ids.map(async run => {
        await permitRun(parts, request, run)
        const start = axis === 'elapsed' ? (await parts.runs.get(run)).startedAt : 0
        const chart = {
          axis: axis === 'step' ? ('step' as const) : ('time' as const),
          buckets,
          from: from === undefined ? undefined : from + start,
          to: to === undefined ? undefined : to + start,
        }
        const items: z.input<typeof HistoryWire>[] = []
        for (const key of keys)
          items.push(historyJson({ run, key, from: start }, await parts.history.reduced({ run, key }, chart)))
        return items
      })
      const items = (await Promise.all(ofRuns)).flat()
      return { items }
    },
  )
}

/** Throws `invalid` on more than `most`. */
function listed(field: string, text: string, most: number): readonly string[] {
  const names = [...new Set(text.split(',').filter(Boolean))]
  if (names.length <= most) return names
  throw tooMany(field, names.length, most)
}

const tooMany = (field: string, count: number, most: number): Error =>
  invalid(`${count} ${field} are more than one answer can hold.`, [{ field, value: count, allowed: `at most ${most}` }])
