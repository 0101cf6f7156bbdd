import { z } from 'zod'
import type { App } from '#http'
import { idOf, Name, pageOf, PageQuery } from '#kernel/wire.ts'
import type { Features } from './features.ts'
import { FeatureVersionPage, FeatureViewList, OnlineReadAnswer, OnlineReadBody, TrainingSetWire } from './wire.ts'

const tags = ['features']
const ofProject = z.object({ project: Name })
const ofView = z.object({ project: Name, view: Name })
const ofSet = z.object({ id: idOf<'training_set'>('trs') })

export function featureRoutes(app: App, features: Features): void {
  viewRoutes(app, features)
  trainingSetRoutes(app, features)
}

function viewRoutes(app: App, features: Features): void {
  app.get(
    '/api/v1/projects/:project/features',
    {
      schema: {
        summary: 'Feature views, each with its newest version and what is online',
        tags,
        params: ofProject,
        response: { 200: FeatureViewList },
      },
    },
    async ({ params }) => ({ items: [...(await features.views(params.project))] }),
  )

  app.get(
    '/api/v1/projects/:project/features/:view/versions',
    {
      schema: {
        summary: 'Versions of a feature view, newest first',
        tags,
        params: ofView,
        querystring: PageQuery,
        response: { 200: FeatureVersionPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await features.versions(params.project, params.view, query)
      return { items: [...items], ...rest }
    },
  )

  app.get(
    '/api/v1/projects/:project/feature-versions',
    {
      schema: {
        summary: 'Versions of all feature views of a project, also of those that it declares no more, by id',
        tags,
        params: ofProject,
        querystring: PageQuery,
        response: { 200: FeatureVersionPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await features.versionsOfProject(params.project, query)
      return { items: [...items], ...rest }
    },
  )

  app.post(
    '/api/v1/projects/:project/features::read',
    {
      schema: {
        summary: 'Read the features of a service by key, as of an instant',
        tags,
        params: ofProject,
        body: OnlineReadBody,
        response: { 200: OnlineReadAnswer },
      },
    },
    async ({ params, body }) => ({ rows: await features.readOnline({ ...params, ...body }) }),
  )
}

function trainingSetRoutes(app: App, features: Features): void {
  app.get(
    '/api/v1/projects/:project/training-sets',
    {
      schema: {
        summary: 'Training sets of a project, by id',
        tags,
        params: ofProject,
        querystring: PageQuery,
        response: { 200: pageOf(TrainingSetWire) },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await features.trainingSets(params.project, query)
      return { items: [...items], ...rest }
    },
  )

  app.get(
    '/api/v1/training-sets/:id',
    {
      schema: {
        summary: 'A training set with what it was joined from',
        tags,
        params: ofSet,
        response: { 200: TrainingSetWire },
      },
    },
    async ({ params }) => features.trainingSet(params.id),
  )
}
