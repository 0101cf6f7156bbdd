import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { importanceTrialsMin } from './importance.ts'
import type { Tuning } from './tuning.ts'
import {
  AskAnswer,
  AskBody,
  ImportanceAnswer,
  ProjectParams,
  RenewBody,
  ReportAnswer,
  ReportBody,
  ReportList,
  ReportQuery,
  StudyBody,
  StudyPage,
  StudyParams,
  StudyQuery,
  StudyWire,
  TellAnswer,
  TellBody,
  TrialPage,
  TrialParams,
  TrialQuery,
  TrialWire,
} from './wire.ts'

const tags = ['tuning']
const studies = '/api/v1/projects/:project/studies'
const study = `${studies}/:study`
const trial = `${study}/trials/:number`

export function tuningRoutes(app: App, tuning: Tuning): void {
  studyRoutes(app, tuning)
  askRoutes(app, tuning)
  trialRoutes(app, tuning)
  resultRoutes(app, tuning)
}

const keyOf = ({ project, study: name }: { project: string; study: string }) => ({ project, name })
/** Trials are numbered: what is no number names none. */
function numberOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw notFound('trial', text)
  return Number(text)
}

const trialKeyOf = ({ number, ...params }: { project: string; study: string; number: string }) => ({
  ...keyOf(params),
  number: numberOf(number),
})

function studyRoutes(app: App, tuning: Tuning): void {
  app.get(
    studies,
    {
      schema: {
        summary: 'Studies of a project, newest first',
        tags,
        params: ProjectParams,
        querystring: StudyQuery,
        response: { 200: StudyPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await tuning.studies(params.project, query)
      return { ...rest, items: [...items] }
    },
  )

  app.post(
    studies,
    {
      schema: {
        summary: 'Begin a search for hyperparameters; the same again is the one that is there',
        tags,
        params: ProjectParams,
        body: StudyBody,
        response: { 201: StudyWire },
      },
    },
    async ({ params, body, actor }, reply) =>
      reply.code(201).send(await tuning.start({ ...params, actor, study: body })),
  )

  app.get(
    study,
    { schema: { summary: 'A study with its best trial', tags, params: StudyParams, response: { 200: StudyWire } } },
    async ({ params }) => tuning.study(keyOf(params)),
  )

  app.post(
    `${study}/cancel`,
    { schema: { summary: 'End a study', tags, params: StudyParams, response: { 200: StudyWire } } },
    async ({ params }) => tuning.cancel(keyOf(params)),
  )
}

function askRoutes(app: App, tuning: Tuning): void {
  app.post(
    `${study}/trials`,
    {
      schema: {
        summary: 'Ask for trials to run',
        tags,
        params: StudyParams,
        body: AskBody,
        response: { 200: AskAnswer },
      },
    },
    async ({ params, body }) => {
      const { study: now, trials } = await tuning.ask(keyOf(params), body)
      return { study: now, trials: [...trials] }
    },
  )

  app.get(
    `${study}/trials`,
    {
      schema: {
        summary: 'Trials of a study, by number',
        tags,
        params: StudyParams,
        querystring: TrialQuery,
        response: { 200: TrialPage },
      },
    },
    async ({ params, query }) => {
      const { items, ...rest } = await tuning.trials(keyOf(params), query)
      return { ...rest, items: [...items] }
    },
  )
}

function trialRoutes(app: App, tuning: Tuning): void {
  app.get(
    trial,
    { schema: { summary: 'A trial', tags, params: TrialParams, response: { 200: TrialWire } } },
    async ({ params }) => tuning.trial(trialKeyOf(params)),
  )

  app.post(
    trial,
    {
      schema: {
        summary: 'Tell what became of a trial',
        tags,
        params: TrialParams,
        body: TellBody,
        response: { 200: TellAnswer },
      },
    },
    async ({ params, body: { attempt, ...result } }) => tuning.tell({ ...trialKeyOf(params), attempt }, result),
  )

  app.post(
    `${trial}/report`,
    {
      schema: {
        summary: 'Report a value while a trial runs; the answer says whether to stop',
        tags,
        params: TrialParams,
        body: ReportBody,
        response: { 200: ReportAnswer },
      },
    },
    async ({ params, body: { attempt, ...point } }) => tuning.report({ ...trialKeyOf(params), attempt }, point),
  )

  app.post(
    `${trial}/renew`,
    {
      schema: {
        summary: 'Say that a trial is still being run',
        tags,
        params: TrialParams,
        body: RenewBody,
        response: { 200: TrialWire },
      },
    },
    async ({ params, body: { attempt } }) => tuning.renew({ ...trialKeyOf(params), attempt }),
  )
}

function resultRoutes(app: App, tuning: Tuning): void {
  app.get(
    `${study}/importance`,
    {
      schema: {
        summary: 'How much each parameter explains of the differences between trials',
        tags,
        params: StudyParams,
        response: { 200: ImportanceAnswer },
      },
    },
    async ({ params }) => {
      const importance = await tuning.importance(keyOf(params))
      return { trialsMin: importanceTrialsMin, ...(importance && { importance: { ...importance } }) }
    },
  )

  app.get(
    `${study}/reports`,
    {
      schema: {
        summary: 'What the newest trials have reported while they ran',
        tags,
        params: StudyParams,
        querystring: ReportQuery,
        response: { 200: ReportList },
      },
    },
    async ({ params, query }) => ({ items: [...(await tuning.reports(keyOf(params), query.trials))] }),
  )
}
