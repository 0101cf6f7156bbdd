import { isoInstant } from '#kernel/clock.ts'
import type { Event } from '#kernel/event.ts'
import { driftFound, incidentOpened, incidentResolved } from '#monitoring'
import { rolledOut } from '#delivery'
import type { Projects } from '#project'
import { versionRegistered } from '#registry'
import { on, type Handler } from '#storage'
import { pipelineStale, runFinished, runLate, taskAsked, type Workflow } from '#workflow'
import { reasonLine, type Notice } from './notice.ts'

export interface TellerParts {
  readonly workflow: Pick<Workflow, 'runs'>
  readonly projects: Pick<Projects, 'find'>
}

type Told = Omit<Notice, 'project'> | undefined
type Tell = (event: Event<unknown>, told: Told) => Promise<void>

/** What people are told of an event, handed to `tell`. */
export const tellersOf = (parts: TellerParts, tell: Tell): readonly Handler[] => [
  ...ofWork(parts, tell),
  ...ofTime(tell),
  ...ofProduction(tell),
]

/** Runs, and what they have made. */
function ofWork({ workflow, projects }: TellerParts, tell: Tell): readonly Handler[] {
  return [
    on(runFinished, async event => {
      const { run, pipeline, state, error } = event.data
      const about = { pipeline, path: `/p/${event.project}/runs/${run}` }
      if (state === 'failed')
        return tell(event, {
          ...about,
          kind: 'run.failed',
          title: `${pipeline} has failed`,
          why: reasonLine(error),
          next: `Mend it, then resume the run: what has succeeded is not done again.`,
        })
      if (state !== 'succeeded') return
      const before = await stateBefore(workflow, { project: event.project!, pipeline, run })
      const recovered = before === 'failed'
      await tell(event, {
        ...about,
        kind: recovered ? 'run.recovered' : 'run.succeeded',
        title: recovered ? `${pipeline} succeeds again` : `${pipeline} has succeeded`,
      })
    }),

    on(taskAsked, event => {
      const { run, name, pipeline, message } = event.data
      return tell(event, {
        kind: 'approval.waiting',
        pipeline,
        title: `${pipeline} waits for approval at ${name}`,
        why: reasonLine(message),
        next: 'Approve or reject it on its page.',
        path: `/p/${event.project}/runs/${run}?task=${encodeURIComponent(name)}`,
      })
    }),

    on(versionRegistered, async event => {
      const { model, version, number, passed } = event.data
      const about = { model, path: `/p/${event.project}/versions/${version}` }
      if (passed === false)
        return tell(event, {
          ...about,
          kind: 'gate.rejected',
          title: `The gate has rejected ${model} ${number}`,
          next: 'Its page says which rule it broke, and by how much.',
        })
      const declared = (await projects.find(event.project!))?.spec.models[model]
      if (passed !== true || !declared || (declared.promotion === 'automatic' && !declared.approvals)) return
      await tell(event, {
        ...about,
        kind: 'approval.waiting',
        title: `${model} ${number} has passed its gate and waits for approval`,
        next: 'Promote it on its page.',
      })
    }),
  ]
}

/** What is not there when it should be. */
function ofTime(tell: Tell): readonly Handler[] {
  return [
    on(runLate, event => {
      const { run, pipeline, startedAt, deadlineAt } = event.data
      return tell(event, {
        kind: 'run.late',
        pipeline,
        title: `${pipeline} is late`,
        why: `It was started at ${isoInstant(startedAt)}, was to have ended by ${isoInstant(deadlineAt)}, and still goes on.`,
        next: 'Its page shows where the time goes.',
        path: `/p/${event.project}/runs/${run}`,
      })
    }),

    on(pipelineStale, event => {
      const { pipeline, since, maxAgeMs } = event.data
      return tell(event, {
        kind: 'pipeline.stale',
        pipeline,
        title: `What ${pipeline} makes is stale`,
        why: `It has not succeeded since ${isoInstant(since)}, and was to have by ${isoInstant(since + maxAgeMs)}.`,
        next: 'Look at its last runs, or start one.',
        path: `/p/${event.project}/pipelines`,
      })
    }),
  ]
}

/** What answers, and how well. */
function ofProduction(tell: Tell): readonly Handler[] {
  return [
    on(rolledOut, event => {
      const { deployment, outcome, reason } = event.data
      const isBack = outcome === 'rolled_back'
      return tell(event, {
        kind: isBack ? 'deployment.rolled_back' : 'deployment.promoted',
        title: isBack ? `${deployment} was rolled back` : `${deployment} has a new version`,
        why: reasonLine(reason),
        path: `/p/${event.project}/deployments/${deployment}`,
      })
    }),

    on(driftFound, event => {
      const { deployment, model, features } = event.data
      return tell(event, {
        kind: 'drift.found',
        model,
        title: `Drift at ${deployment}: ${features.join(', ')}`,
        next: 'Whether the model is still good is being evaluated.',
        path: `/p/${event.project}/monitors/${deployment}`,
      })
    }),

    on(incidentOpened, event => {
      const { incident, title, severity, deployment, source } = event.data
      return tell(event, {
        kind: 'incident.opened',
        title,
        why: `${severity === 'page' ? 'Urgent' : 'To be looked at'}, at ${deployment ?? source ?? 'the project'}.`,
        next: 'Its page has evidence and likely causes.',
        path: `/p/${event.project}/incidents/${incident}`,
      })
    }),

    on(incidentResolved, event => {
      const { incident, kind, deployment, source, resolution } = event.data
      return tell(event, {
        kind: 'incident.closed',
        title: `The ${kind} incident at ${deployment ?? source ?? 'the project'} is over`,
        why: reasonLine(resolution),
        path: `/p/${event.project}/incidents/${incident}`,
      })
    }),
  ]
}

const lookedAt = 20

/** How the run before ended: cancelled ones say nothing. */
async function stateBefore(
  workflow: Pick<Workflow, 'runs'>,
  { project, pipeline, run }: { project: string; pipeline: string; run: string },
): Promise<string | undefined> {
  const { items } = await workflow.runs({ project, pipeline }, { limit: lookedAt })
  return items.find(({ id, state }) => id < run && (state === 'succeeded' || state === 'failed'))?.state
}
