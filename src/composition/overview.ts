import { z } from 'zod'
import type { Data } from '#data'
import type { Features } from '#features'
import type { App } from '#http'
import type { Millis } from '#kernel/clock.ts'
import { counted } from '#kernel/counted.ts'
import { Instant, PageQuery } from '#kernel/wire.ts'
import type { Monitoring } from '#monitoring'
import type { Projects } from '#project'
import type { Registry } from '#registry'
import type { Serving } from '#serving'
import type { Workflow } from '#workflow'

/**
 * The loop of each project at a glance: seven stations in the order of the paper's figure, what stands at each, and how
 * far the right one lags behind the left.
 */

const stationNames = ['data', 'features', 'runs', 'models', 'deployments', 'monitors', 'feedback'] as const

const StationWire = z.object({
  station: z.enum(stationNames),
  state: z.enum(['ok', 'running', 'warn', 'fail', 'none']),
  headline: z.string(),
  detail: z.string(),
  at: Instant.optional(),
  href: z.string(),
  /** Said when it was not made from the newest of the station before. */
  lag: z.string().optional(),
})
type Station = z.output<typeof StationWire>

const LoopWire = z.object({
  items: z.array(
    z.object({
      project: z.string(),
      goal: z.string(),
      kpi: z.string(),
      metric: z.string(),
      threshold: z.number(),
      stations: z.array(StationWire),
    }),
  ),
  attention: z.object({ approvals: z.int(), failedRuns: z.int(), openIncidents: z.int() }),
  next: z.string().optional(),
})

export interface Components {
  readonly projects: Projects
  readonly data: Data
  readonly features: Features
  readonly workflow: Workflow
  readonly registry: Registry
  readonly serving: Serving
  readonly monitoring: Monitoring
}

/** Judges windows all day long, and says what matters at another station. */
const routine = 'monitor'
const severity = ['fail', 'warn', 'running', 'none', 'ok'] as const

export function overviewRoutes(app: App, components: Components): void {
  app.get(
    '/api/v1/loop',
    {
      schema: {
        summary: 'Where the loop of each project stands, worst first',
        tags: ['project'],
        querystring: PageQuery,
        response: { 200: LoopWire },
      },
    },
    async ({ query, readable }) => {
      const { items: projects, next } = await components.projects.list(query, readable === 'all' ? undefined : readable)
      const loops = await Promise.all(projects.map(({ name }) => loopOf(components, name)))
      loops.sort((a, b) => rank(a.stations) - rank(b.stations))
      return {
        items: loops.map(({ attention: _, ...loop }) => loop),
        attention: sum(loops.map(loop => loop.attention)),
        ...(next !== undefined && { next }),
      }
    },
  )
}

const rank = (stations: readonly Station[]): number => Math.min(...stations.map(({ state }) => severity.indexOf(state)))

type Attention = z.output<typeof LoopWire>['attention']

const sum = (all: readonly Attention[]): Attention =>
  all.reduce(
    (a, b) => ({
      approvals: a.approvals + b.approvals,
      failedRuns: a.failedRuns + b.failedRuns,
      openIncidents: a.openIncidents + b.openIncidents,
    }),
    { approvals: 0, failedRuns: 0, openIncidents: 0 },
  )

type Loop = z.output<typeof LoopWire>['items'][number] & { attention: Attention }

async function loopOf(components: Components, project: string): Promise<Loop> {
  const { spec } = await components.projects.current(project)
  const { goal, kpi, metric, threshold } = spec.objective
  const [sources, views, runs, models, deployments, monitors, incidents, feedback] = await Promise.all([
    components.data.sources(project),
    components.features.views(project),
    components.workflow.runs({ project }, { limit: 50 }),
    components.registry.models(project, { limit: modelsMax }),
    components.serving.deployments(project),
    components.monitoring.monitors(project),
    components.monitoring.incidents({ project, state: 'open' }, { limit: 50 }),
    components.monitoring.feedback(project, { limit: 50 }),
  ])
  const champions = models.items.flatMap(({ champion }) => champion ?? [])
  const stations = [
    dataStation(sources),
    featureStation(views, sources),
    runStation(runs.items.filter(run => run.pipeline !== routine)),
    await modelStation(components, models.items, sources),
    deploymentStation(deployments, champions),
    monitorStation(monitors),
    feedbackStation(incidents.items, feedback.items),
  ].map(station => ({ ...station, href: `/p/${project}/${station.station}` }))
  const approvals = models.items.filter(
    ({ name, latest }) => latest?.stage === 'staging' && spec.models[name]?.promotion === 'approval',
  ).length
  const failedRuns = runs.items.filter(
    (run, index) => run.state === 'failed' && runs.items.findIndex(other => other.pipeline === run.pipeline) === index,
  ).length
  return {
    project,
    goal,
    kpi,
    metric,
    threshold,
    stations,
    attention: { approvals, failedRuns, openIncidents: incidents.items.length },
  }
}

type Cell = Omit<Station, 'href'>
type Sources = Awaited<ReturnType<Data['sources']>>
type Models = Awaited<ReturnType<Registry['models']>>['items']

/** A project that declares more models than this has its station from the first of them. */
const modelsMax = 500

const none = (station: Station['station'], detail: string): Cell => ({
  station,
  state: 'none',
  headline: 'nothing yet',
  detail,
})

function dataStation(sources: Sources): Cell {
  const latest = sources.flatMap(source => source.latest ?? []).toSorted((a, b) => b.createdAt - a.createdAt)[0]
  if (!latest) return none('data', 'push data to a source')
  const broken = latest.verdict === 'broken'
  return {
    station: 'data',
    state: broken ? 'fail' : 'ok',
    headline: `${latest.source} v${latest.version}`,
    detail: broken ? counted(latest.violations.length, 'violation') : counted(latest.rows, 'row'),
    at: latest.createdAt,
  }
}

function featureStation(views: Awaited<ReturnType<Features['views']>>, sources: Sources): Cell {
  const view = views.filter(({ latest }) => latest).toSorted((a, b) => b.latest!.createdAt - a.latest!.createdAt)[0]
  if (!view?.latest) return none('features', 'run the pipeline that computes them')
  const newest = sources.find(({ name }) => name === view.source)?.latest
  const behind = newest && newest.verdict !== 'broken' && newest.id !== view.latest.dataset
  return {
    station: 'features',
    state: behind ? 'warn' : 'ok',
    headline: `${view.name} v${view.latest.version}`,
    detail: `${counted(view.onlineRows, 'row')} online`,
    at: view.latest.createdAt,
    ...(behind && { lag: `not made from ${view.source} v${newest.version}` }),
  }
}

/** What is held waits for a run that is active, if that is among the newest or not. */
export function runStation(runs: Awaited<ReturnType<Workflow['runs']>>['items']): Cell {
  const latest = runs[0]
  if (!latest) return none('runs', 'start a pipeline')
  const held = runs.filter(run => run.state === 'held')
  const active = runs.find(run => run.state === 'running' || run.state === 'queued') ?? held[0]
  const shown = active ?? latest
  const waiting = held.length > 0 && shown.state !== 'held' ? `, ${held.length} held` : ''
  return {
    station: 'runs',
    state: active ? 'running' : latest.state === 'failed' ? 'fail' : 'ok',
    headline: `${shown.pipeline} ${shown.state}${waiting}`,
    detail: shown.cause.reason,
    at: shown.createdAt,
  }
}

async function modelStation({ features, data }: Components, models: Models, sources: Sources): Promise<Cell> {
  const shown = models.find(({ champion }) => champion) ?? models.find(({ latest }) => latest)
  const version = shown?.champion ?? shown?.latest
  if (!shown || !version) return none('models', 'run the pipeline that trains one')
  const trainedOn =
    version.trainingSet === undefined
      ? undefined
      : await data.version((await features.trainingSet(version.trainingSet)).dataset)
  const newest = sources.find(({ name }) => name === trainedOn?.source)?.latest
  const behind = trainedOn && newest ? newest.version - trainedOn.version : 0
  const { evaluation } = version
  const score = evaluation && `, ${evaluation.metric} ${evaluation.metrics[evaluation.metric]?.toFixed(3) ?? '?'}`
  return {
    station: 'models',
    state: shown.champion ? 'ok' : version.stage === 'rejected' ? 'fail' : 'warn',
    headline: `${shown.name} v${version.version}`,
    detail: `${version.stage}${score ?? ''}`,
    at: version.createdAt,
    ...(behind > 0 && { lag: `trained on ${trainedOn!.source} v${trainedOn!.version}, ${behind} behind` }),
  }
}

function deploymentStation(
  deployments: Awaited<ReturnType<Serving['deployments']>>,
  champions: readonly { id: string; version: number }[],
): Cell {
  const deployment = deployments[0]
  if (!deployment) return none('deployments', 'promote a version')
  const carrying = deployment.revisions.filter(({ weight }) => weight > 0)
  const behind = champions.find(({ id }) => carrying.every(({ version }) => version !== id))
  const requests = carrying.reduce((total, revision) => total + revision.requests, 0)
  const state =
    deployment.state === 'down' ? 'fail' : deployment.state === 'canary' ? 'running' : behind ? 'warn' : 'ok'
  return {
    station: 'deployments',
    state,
    headline: `${deployment.name} ${carrying.map(({ number, weight }) => `r${number} ${Math.round(weight)} %`).join(', ')}`,
    detail: deployment.state === 'down' ? 'the model server does not answer' : counted(requests, 'request'),
    at: Math.max(deployment.createdAt, ...carrying.map(revision => revision.createdAt)) as Millis,
    ...(behind && { lag: `champion is v${behind.version}` }),
  }
}

const monitorStates = { waiting: 'none', healthy: 'ok', suspect: 'warn', alarm: 'fail' } as const

function monitorStation(monitors: Awaited<ReturnType<Monitoring['monitors']>>): Cell {
  const monitor = monitors[0]
  if (!monitor) return none('monitors', 'made by the first deployment')
  const { state, predictions, labelled, pendingRows, lastWindow } = monitor
  const share = predictions === 0 ? 0 : Math.round((labelled / predictions) * 100)
  return {
    station: 'monitors',
    state: monitorStates[state],
    headline: state,
    detail: `${counted(predictions, 'prediction')}, truth of ${share} %, ${pendingRows} in the open window`,
    ...(lastWindow && { at: lastWindow.evaluatedAt }),
  }
}

type Incidents = Awaited<ReturnType<Monitoring['incidents']>>['items']
type FeedbackItems = Awaited<ReturnType<Monitoring['feedback']>>['items']

function feedbackStation(incidents: Incidents, items: FeedbackItems): Cell {
  const incident = incidents[0]
  const open = items.filter(({ state }) => state === 'open')
  const item = open[0] ?? items[0]
  if (incident)
    return {
      station: 'feedback',
      state: incident.severity === 'page' ? 'fail' : 'warn',
      headline: counted(incidents.length, 'open incident'),
      detail: incident.title,
      at: incident.openedAt,
    }
  if (!item) return { station: 'feedback', state: 'ok', headline: 'quiet', detail: 'no incident, nothing to do' }
  return {
    station: 'feedback',
    state: open.length > 0 ? 'warn' : 'ok',
    headline: open.length > 0 ? `${counted(open.length, 'item')} open` : 'all done',
    detail: item.title,
    at: item.at,
  }
}
