import { z } from 'zod'
import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { int64Of } from '#kernel/int64.ts'
import { Name } from '#kernel/wire.ts'
import { filesAt, type Artifacts } from './artifacts.ts'
import type { ModelImports } from './import-models.ts'
import type { ImportSummaries } from './import-summary.ts'
import {
  EndExperiment,
  EndRun,
  ExperimentSummary,
  ImportedExperiment,
  ImportedFiles,
  ImportExperiment,
  ImportLoggedModel,
  ImportPoints,
  ImportRun,
  LoggedModelSummary,
  ModelId,
  RunId,
  RunIds,
  RunSummaries,
} from './import-wire.ts'
import type { Imports } from './imports.ts'

export interface ImportRouteParts {
  readonly imports: Imports
  readonly modelImports: ModelImports
  readonly summaries: ImportSummaries
  readonly artifacts: Pick<Artifacts, 'tree'>
}

const tags = ['imports']
const root = '/api/v1/projects/:project/imports'
const ofProject = z.object({ project: Name })
const ofRun = z.object({ project: Name, id: RunId })
const ofModel = z.object({ project: Name, id: ModelId })
const ofExperiment = z.object({ project: Name, id: z.string().regex(/^\d{1,15}$/) })
const Nothing = z.object({})
/** A run may have a profile of a dataset of 16 MiB. */
const bodyLimit = 64 * 1024 * 1024

/** What `trainyard import` speaks to; any other importer may. */
export function importRoutes(app: App, parts: ImportRouteParts): void {
  experimentRoutes(app, parts)
  runRoutes(app, parts)
  summaryRoutes(app, parts)
  modelRoutes(app, parts)
}

function experimentRoutes(app: App, { imports }: ImportRouteParts): void {
  app.put(
    `${root}/experiments`,
    {
      schema: {
        summary: 'Take in an experiment of another ledger, by its name',
        tags,
        params: ofProject,
        body: ImportExperiment,
        response: { 200: ImportedExperiment },
      },
    },
    async ({ params, body }) => {
      const { id, name } = await imports.experiment(params.project, body)
      return { id, name }
    },
  )

  app.put(
    `${root}/experiments/:id/end`,
    {
      schema: {
        summary: 'Say that all runs of an imported experiment are there',
        tags,
        params: ofExperiment,
        body: EndExperiment,
        response: { 200: ExperimentSummary },
      },
    },
    async ({ params, body }) => {
      const { id, name, lifecycle, tags: found } = await imports.endExperiment(params.project, params.id, body)
      return { id, name, lifecycle, tags: Object.entries(found).map(([key, value]) => ({ key, value })) }
    },
  )
}

function runRoutes(app: App, { imports }: ImportRouteParts): void {
  app.put(
    `${root}/runs/:id`,
    {
      bodyLimit,
      schema: {
        summary: 'Take in a run of another ledger with its id and start; said again, it adds what is missing',
        tags,
        params: ofRun,
        body: ImportRun,
        response: { 200: Nothing },
      },
    },
    async ({ params, body }) => {
      const links = body.links.map(link => ({ ...link, step: int64Of(link.step) }))
      await imports.run(params.project, params.id, { ...body, links })
      return {}
    },
  )

  app.post(
    `${root}/runs/:id/points`,
    {
      schema: {
        summary: 'Add points to an imported run; a repeat is harmless',
        tags,
        params: ofRun,
        body: ImportPoints,
        response: { 200: Nothing },
      },
    },
    async ({ params, body }) => {
      const points = body.points.map(([key, step, timestamp, value]) => ({
        key,
        step: int64Of(step),
        timestamp,
        value: Number(value),
      }))
      await imports.points(params.project, params.id, points)
      return {}
    },
  )

  app.put(
    `${root}/runs/:id/end`,
    {
      schema: {
        summary: 'Say that all of an imported run is there, and how it ended',
        tags,
        params: ofRun,
        body: EndRun,
        response: { 200: Nothing },
      },
    },
    async ({ params, body }) => {
      await imports.endRun(params.project, params.id, body)
      return {}
    },
  )
}

function summaryRoutes(app: App, { summaries, artifacts }: ImportRouteParts): void {
  app.post(
    `${root}/summaries`,
    {
      schema: {
        summary: 'Counts and digests of runs; those that are not in the project are left out',
        tags,
        params: ofProject,
        body: RunIds,
        response: { 200: RunSummaries },
      },
    },
    async ({ params, body }) => ({ items: [...(await summaries.runs(params.project, body.runs))] }),
  )

  app.get(
    `${root}/runs/:id/files`,
    {
      schema: {
        summary: 'All artifacts of a run with their digests',
        tags,
        params: ofRun,
        response: { 200: ImportedFiles },
      },
    },
    async ({ params }) => {
      const [run] = await summaries.runs(params.project, [params.id])
      if (!run) throw notFound('run', params.id)
      return { items: await filesAt(artifacts, run.artifactUri) }
    },
  )
}

function modelRoutes(app: App, { modelImports, summaries, artifacts }: ImportRouteParts): void {
  app.put(
    `${root}/logged-models/:id`,
    {
      bodyLimit,
      schema: {
        summary: 'Take in a logged model of another ledger with its id and times',
        tags,
        params: ofModel,
        body: ImportLoggedModel,
        response: { 200: LoggedModelSummary },
      },
    },
    async ({ params, body }) => {
      const points = body.points.map(point => ({ ...point, step: int64Of(point.step), value: Number(point.value) }))
      await modelImports.loggedModel(params.project, params.id, { ...body, points })
      return summaries.loggedModel(params.project, params.id)
    },
  )

  app.get(
    `${root}/logged-models/:id`,
    {
      schema: {
        summary: 'Counts and digests of a logged model',
        tags,
        params: ofModel,
        response: { 200: LoggedModelSummary },
      },
    },
    ({ params }) => summaries.loggedModel(params.project, params.id),
  )

  app.get(
    `${root}/logged-models/:id/files`,
    {
      schema: {
        summary: 'All artifacts of a logged model with their digests',
        tags,
        params: ofModel,
        response: { 200: ImportedFiles },
      },
    },
    async ({ params }) => {
      const { artifactUri } = await summaries.loggedModel(params.project, params.id)
      return { items: await filesAt(artifacts, artifactUri) }
    },
  )
}
