import { Readable } from 'node:stream'
import { z } from 'zod'
import type { App } from '#http'
import { idOf, Name, PageQuery } from '#kernel/wire.ts'
import type { Data } from './data.ts'
import {
  AcceptBody,
  ArrivalWire,
  ContractWire,
  DatasetVersionPage,
  DatasetVersionWire,
  SampleWire,
  SourceList,
} from './wire.ts'

const tags = ['data']
const ofProject = z.object({ project: Name })
const ofSource = z.object({ project: Name, source: Name })
const ofVersion = z.object({ id: idOf<'dataset_version'>('dsv') })

export function dataRoutes(app: App, data: Data): void {
  sourceRoutes(app, data)
  versionRoutes(app, data)
  uploadRoute(app, data)
}

function sourceRoutes(app: App, data: Data): void {
  app.get(
    '/api/v1/projects/:project/sources',
    {
      schema: {
        summary: 'Sources, each with its newest version and contract',
        tags,
        params: ofProject,
        response: { 200: SourceList },
      },
    },
    async ({ params }) => ({ items: [...(await data.sources(params.project))] }),
  )

  app.get(
    '/api/v1/projects/:project/sources/:source/versions',
    {
      schema: {
        summary: 'Versions of a source, newest first',
        tags,
        params: ofSource,
        querystring: PageQuery,
        response: { 200: DatasetVersionPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await data.versions(params.project, params.source, query)
      return { items: [...items], ...rest }
    },
  )

  app.post(
    '/api/v1/projects/:project/sources/:source/contract',
    {
      schema: {
        summary: 'Take the newest version for normal',
        tags,
        params: ofSource,
        body: AcceptBody,
        response: { 200: ContractWire },
      },
    },
    async ({ params, body, actor }) => data.acceptNewest({ ...params, ...body, actor }),
  )
}

function versionRoutes(app: App, data: Data): void {
  app.get(
    '/api/v1/projects/:project/dataset-versions',
    {
      schema: {
        summary: 'Versions of all sources of a project, also of those that it declares no more, by id',
        tags,
        params: ofProject,
        querystring: PageQuery,
        response: { 200: DatasetVersionPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await data.versionsOfProject(params.project, query)
      return { items: [...items], ...rest }
    },
  )

  app.get(
    '/api/v1/dataset-versions/:id',
    {
      schema: {
        summary: 'A dataset version with its profile and verdict',
        tags,
        params: ofVersion,
        response: { 200: DatasetVersionWire },
      },
    },
    async ({ params }) => data.version(params.id),
  )

  app.get(
    '/api/v1/dataset-versions/:id/sample',
    {
      schema: {
        summary: 'The first rows of a dataset version',
        tags,
        params: ofVersion,
        querystring: z.object({ limit: z.int().min(1).max(500).default(50) }),
        response: { 200: SampleWire },
      },
    },
    async ({ params, query }) => data.sample(params.id, query.limit),
  )
}

/** Data is a stream of any content type and size; the parsers of the rest of the API would read it into memory. */
function uploadRoute(app: App, data: Data): void {
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload))
    ;(scope as App).put(
      '/api/v1/projects/:project/sources/:source/data',
      {
        schema: { summary: 'Upload the data of a source', tags, params: ofSource, response: { 200: ArrivalWire } },
      },
      async ({ params, body, actor }) =>
        data.arrive({ ...params, actor, bytes: (body as Readable | undefined) ?? Readable.from([]) }),
    )
  })
}
