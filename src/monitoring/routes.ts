import { z } from 'zod'
import type { App } from '#http'
import { Name, PageQuery } from '#kernel/wire.ts'
import type { Monitoring } from './monitoring.ts'
import {
  AcknowledgeBody,
  FeedbackPage,
  incidentStates,
  IncidentPage,
  IncidentWire,
  MonitorList,
  OutcomesWire,
  TruthAnswer,
  TruthBody,
  WindowPage,
  WindowWire,
} from './wire.ts'

const tags = ['monitoring']
const OfProject = z.object({ project: Name })
const OfDeployment = z.object({ deployment: Name })
const ById = z.object({ id: z.string().max(100) })

export function monitoringRoutes(app: App, monitoring: Monitoring): void {
  watchRoutes(app, monitoring)
  incidentRoutes(app, monitoring)
}

function watchRoutes(app: App, monitoring: Monitoring): void {
  app.post(
    '/api/v1/deployments/:deployment/truth',
    {
      schema: {
        summary: 'What really happened to predictions, however late',
        tags,
        params: OfDeployment,
        body: TruthBody,
        response: { 200: TruthAnswer },
      },
    },
    async ({ params, body }) => monitoring.recordTruth(params.deployment, body.items),
  )
  app.get(
    '/api/v1/deployments/:deployment/outcomes',
    {
      schema: {
        summary: 'What the truth says of revisions that share the requests of a deployment',
        tags,
        params: OfDeployment,
        response: { 200: OutcomesWire },
      },
    },
    async ({ params }) => monitoring.outcomes(params.deployment),
  )
  app.get(
    '/api/v1/projects/:project/monitors',
    {
      schema: {
        summary: 'The state of every monitored deployment',
        tags,
        params: OfProject,
        response: { 200: MonitorList },
      },
    },
    async ({ params }) => ({ items: [...(await monitoring.monitors(params.project))] }),
  )
  app.get(
    '/api/v1/deployments/:deployment/windows',
    {
      schema: {
        summary: 'Judged windows of a deployment, newest first',
        tags,
        params: OfDeployment,
        querystring: PageQuery,
        response: { 200: WindowPage },
      },
    },
    async ({ params, query }) => (await monitoring.windows(params.deployment, query)) as never,
  )
  app.get(
    '/api/v1/windows/:id',
    { schema: { summary: 'One window with its signals', tags, params: ById, response: { 200: WindowWire } } },
    async ({ params }) => monitoring.window(params.id),
  )
}

function incidentRoutes(app: App, monitoring: Monitoring): void {
  app.get(
    '/api/v1/projects/:project/incidents',
    {
      schema: {
        summary: 'Incidents of a project, newest first',
        tags,
        params: OfProject,
        querystring: PageQuery.extend({ state: z.enum(incidentStates).optional() }),
        response: { 200: IncidentPage },
      },
    },
    async ({ params, query: { state, ...page } }) => (await monitoring.incidents({ ...params, state }, page)) as never,
  )
  app.get(
    '/api/v1/incidents/:id',
    {
      schema: {
        summary: 'One incident with its evidence and ranked causes',
        tags,
        params: ById,
        response: { 200: IncidentWire },
      },
    },
    async ({ params }) => monitoring.incident(params.id),
  )
  app.post(
    '/api/v1/incidents/:id',
    {
      schema: {
        summary: 'Acknowledge or resolve an incident',
        tags,
        params: ById,
        body: AcknowledgeBody,
        response: { 200: IncidentWire },
      },
    },
    async ({ params, body, actor }) => monitoring.acknowledge(params.id, { ...body, actor }),
  )
  app.get(
    '/api/v1/projects/:project/feedback',
    {
      schema: {
        summary: '(27) Feedback items of a project, newest first',
        tags,
        params: OfProject,
        querystring: PageQuery,
        response: { 200: FeedbackPage },
      },
    },
    async ({ params, query }) => (await monitoring.feedback(params.project, query)) as never,
  )
}
