import { z } from 'zod'
import type { App } from '#http'
import { contentDigest } from '#kernel/content-digest.ts'
import type { Digest } from '#kernel/digest.ts'
import { Digest as DigestWire, Instant, Name, PageQuery } from '#kernel/wire.ts'
import { clientLanguages } from './client-source.ts'
import { packageKinds } from './embedded-package.ts'
import type { Serving } from './serving.ts'
import {
  ClusterBody,
  ClusterExportWire,
  DeploymentDetail,
  DeploymentList,
  GraphList,
  predictionOrders,
  PredictionPage,
  PredictionWire,
  QueueList,
  RollbackBody,
  ShadowBody,
  TrafficBody,
} from './wire.ts'

const ProjectParams = z.object({ project: Name })
const DeploymentParams = z.object({ deployment: Name })
const PredictionParams = z.object({ id: z.string().regex(/^prd_[0-9a-f-]{36}$/) })
/** A half-open range of event time. */
const PredictionsQuery = PageQuery.extend({
  from: Instant.optional(),
  to: Instant.optional(),
  order: z
    .enum(predictionOrders)
    .default('event_time')
    .meta({ description: 'Newest first: by the instant that they are about, or in the order in which they came.' }),
})
const BundleFileParams = DeploymentParams.extend({ bundle: DigestWire, digest: DigestWire })
const DayParams = DeploymentParams.extend({ day: z.iso.date() })
const DayList = z.object({ items: z.array(z.object({ day: z.string(), rows: z.int() })) })
const tags = ['serving']

export function servingRoutes(app: App, serving: Serving): void {
  app.get(
    '/api/v1/projects/:project/deployments',
    {
      schema: {
        summary: 'Deployments of a project with their revisions',
        tags,
        params: ProjectParams,
        response: { 200: DeploymentList },
      },
    },
    async ({ params }) => ({ items: [...(await serving.deployments(params.project))] }),
  )

  app.get(
    '/api/v1/projects/:project/graphs',
    {
      schema: {
        summary: 'Graphs of a project: deployments and code that are asked as one',
        tags,
        params: ProjectParams,
        response: { 200: GraphList },
      },
    },
    async ({ params }) => ({ items: [...(await serving.graphs(params.project))] }),
  )

  app.get(
    '/api/v1/deployments/:deployment',
    {
      schema: {
        summary: 'A deployment: revisions, changes of traffic, requests per minute',
        tags,
        params: DeploymentParams,
        response: { 200: DeploymentDetail },
      },
    },
    async ({ params }) => serving.deployment(params.deployment),
  )
  clusterRoutes(app, serving)
  trafficRoutes(app, serving)
  integrationRoutes(app, serving)
  predictionRoutes(app, serving)
}

function clusterRoutes(app: App, serving: Serving): void {
  app.post(
    '/api/v1/deployments/:deployment/cluster',
    {
      schema: {
        summary: 'A deployment as a container image and what Kubernetes, or KServe, is told of it',
        tags,
        params: DeploymentParams,
        body: ClusterBody,
        response: { 200: ClusterExportWire },
      },
    },
    async ({ params, body }) => {
      const { replicasMin, replicasMax, ...wish } = body
      const exported = await serving.exportToCluster(params.deployment, {
        ...wish,
        replicas: { min: replicasMin, max: replicasMax },
      })
      return exported as z.input<typeof ClusterExportWire>
    },
  )

  app.get(
    '/api/v1/deployments/:deployment/bundles/:bundle/:digest',
    { schema: { summary: 'A file of a bundle that a deployment has', tags, params: BundleFileParams } },
    async ({ params }, reply) => {
      const { deployment, bundle, digest } = params
      return reply
        .headers({ 'content-type': 'application/octet-stream', 'x-content-type-options': 'nosniff' })
        .send(await serving.bundleFile(deployment, bundle as Digest, digest as Digest))
    },
  )
}

function trafficRoutes(app: App, serving: Serving): void {
  app.post(
    '/api/v1/deployments/:deployment/traffic',
    {
      schema: {
        summary: 'Divide the requests between revisions',
        tags,
        params: DeploymentParams,
        body: TrafficBody,
        response: { 200: DeploymentDetail },
      },
    },
    async ({ params, body, actor }) => {
      await serving.setTraffic(params.deployment, { ...body, actor })
      return serving.deployment(params.deployment)
    },
  )

  app.post(
    '/api/v1/deployments/:deployment/shadow',
    {
      schema: {
        summary: 'Give a revision copies of requests, and compare what it would have answered',
        tags,
        params: DeploymentParams,
        body: ShadowBody,
        response: { 200: DeploymentDetail },
      },
    },
    async ({ params, body, actor }) => {
      await serving.setShadow(params.deployment, { ...body, actor })
      return serving.deployment(params.deployment)
    },
  )

  app.post(
    '/api/v1/deployments/:deployment/rollback',
    {
      schema: {
        summary: 'Go back to the revision before',
        tags,
        params: DeploymentParams,
        body: RollbackBody,
        response: { 200: DeploymentDetail },
      },
    },
    async ({ params, body, actor }) => {
      await serving.rollback(params.deployment, { ...body, actor })
      return serving.deployment(params.deployment)
    },
  )
}

function integrationRoutes(app: App, serving: Serving): void {
  app.get(
    '/api/v1/deployments/:deployment/queues',
    {
      schema: {
        summary: 'The queues whose messages a deployment answers, and what became of them',
        tags,
        params: DeploymentParams,
        response: { 200: QueueList },
      },
    },
    async ({ params }) => ({ items: [...(await serving.queues(params.deployment))] }),
  )

  app.get(
    '/api/v1/deployments/:deployment/client',
    {
      schema: {
        summary: 'The source of a typed client of a deployment',
        tags,
        params: DeploymentParams,
        querystring: z.object({ language: z.enum(clientLanguages).default('typescript') }),
      },
    },
    async ({ params, query }, reply) =>
      reply
        .header('content-type', 'text/plain; charset=utf-8')
        .send(await serving.clientSource(params.deployment, query.language)),
  )

  app.get(
    '/api/v1/deployments/:deployment/package',
    {
      schema: {
        summary: 'A revision as a package that other programs embed: for npm, or a wheel for Python',
        tags,
        params: DeploymentParams,
        querystring: z.object({
          as: z.enum(packageKinds).default('npm'),
          revision: z.coerce.number().int().positive().optional(),
        }),
      },
    },
    async ({ params, query }, reply) => {
      const { name, bytes } = await serving.embedded(params.deployment, { kind: query.as, revision: query.revision })
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-disposition': `attachment; filename="${name}"`,
        })
        .send(bytes)
    },
  )
}

function predictionRoutes(app: App, serving: Serving): void {
  app.get(
    '/api/v1/deployments/:deployment/predictions',
    {
      schema: {
        summary: 'Logged predictions, newest first',
        tags,
        params: DeploymentParams,
        querystring: PredictionsQuery,
        response: { 200: PredictionPage },
      },
    },
    async ({ params, query }) =>
      (await serving.predictions({ deployment: params.deployment, ...query })) as z.input<typeof PredictionPage>,
  )

  app.get(
    '/api/v1/deployments/:deployment/prediction-days',
    {
      schema: {
        summary: 'The days of UTC that logged predictions are about, each of which can be had as a file',
        tags,
        params: DeploymentParams,
        response: { 200: DayList },
      },
    },
    async ({ params }) => ({ items: [...(await serving.days(params.deployment))] }),
  )

  app.get(
    '/api/v1/deployments/:deployment/prediction-days/:day',
    { schema: { summary: 'All logged predictions about one day as Parquet', tags, params: DayParams } },
    async ({ params }, reply) => {
      const { bytes, digest, size } = await serving.day(params.deployment, params.day)
      return reply
        .headers({
          'content-type': 'application/vnd.apache.parquet',
          'content-disposition': `attachment; filename="${params.deployment}-${params.day}.parquet"`,
          'content-length': size,
          'content-digest': contentDigest(digest),
        })
        .send(bytes)
    },
  )

  app.get(
    '/api/v1/predictions/:id',
    {
      schema: { summary: 'One logged prediction', tags, params: PredictionParams, response: { 200: PredictionWire } },
    },
    async ({ params }) => serving.prediction(params.id),
  )

  app.post(
    '/api/v1/serving/stop',
    {
      schema: { summary: 'End the model server, which otherwise outlives the platform', tags },
    },
    async (_, reply) => {
      await serving.stopServing()
      return reply.code(204).send()
    },
  )
}
