import { versionJudged, type Assurance } from '#assurance'
import { driftFound, incidentResolved, performanceLost, type Monitoring } from '#monitoring'
import type { PipelineSpec, Projects } from '#project'
import { evaluationPipeline, versionRegistered, type Registry } from '#registry'
import { on, type Outbox } from '#storage'
import type { Workflow } from '#workflow'

interface Parts {
  readonly outbox: Outbox
  readonly projects: Pick<Projects, 'find'>
  readonly workflow: Pick<Workflow, 'start'>
  readonly registry: Pick<Registry, 'version' | 'transition'>
  readonly assurance: Pick<Assurance, 'approvals'>
  readonly monitoring: Pick<Monitoring, 'blocksRetraining' | 'attachRun' | 'openFeedback'>
}

/**
 * Closes the loop. Components do not know what follows from what they announce; this page is the only place where the
 * circle of the paper's figure 4 is drawn, from (26) over (27) and (28) back to (18).
 */
export function closeLoop(parts: Parts): void {
  const { outbox, workflow, monitoring } = parts
  outbox.subscribe('loop', [
    // Drift alone asks whether the champion is still good. It never starts a training.
    on(driftFound, async ({ seq, project, data: { model, features, window, item } }) => {
      const training = await trainingOf(parts, project!, model)
      const tasks = training && evaluationPipeline(training.pipeline, model)
      if (!tasks) return
      const reason = `Drift in ${features.join(', ')}: is ${model} still good?`
      const cause = { kind: 'incident', reason, ref: window } as const
      const start = { project: project!, pipeline: 'evaluation', tasks, cause, key: `loop/evaluation/${seq}` }
      await monitoring.attachRun(item, (await workflow.start(start)).id)
    }),

    // Performance is lost beyond doubt: train again, unless the data are broken.
    on(performanceLost, ({ project, data: { model, incident, item, z } }) => {
      const reason = `${model} lost performance: ${z.toFixed(1)} standard errors above what its scores promise.`
      return retrain(parts, { project: project!, model, incident, item, reason })
    }),

    // The data are whole again: what had to wait for them starts now.
    on(incidentResolved, async ({ project, data: { kind } }) => {
      if (kind !== 'contract') return
      for (const { id: item, incident, model, title: reason } of await monitoring.openFeedback(project!, 'scheduler'))
        if (incident !== undefined && model !== undefined)
          await retrain(parts, { project: project!, model, incident, item, reason })
    }),

    // A version passed its gate. Where the project says so nobody is asked; delivery tests it and lets it take traffic.
    on(versionRegistered, async ({ project, data: { model, version, passed } }) => {
      if (passed) await promote(parts, { project: project!, model, version })
    }),

    // The last approval that it waited for.
    on(versionJudged, async ({ project, data: { model, version, complete } }) => {
      if (complete) await promote(parts, { project: project!, model, version })
    }),
  ])
}

async function promote(
  { projects, registry, assurance }: Parts,
  { project, model, version }: { project: string; model: string; version: string },
): Promise<void> {
  if ((await projects.find(project))?.spec.models[model]?.promotion !== 'automatic') return
  if ((await registry.version(version)).stage !== 'staging') return
  if ((await assurance.approvals(version)).missing.length > 0) return
  const reason = 'It passed its gate, and the project promotes automatically.'
  await registry.transition(version, { to: 'production', actor: 'trainyard', reason })
}

interface Retraining {
  readonly project: string
  readonly model: string
  readonly incident: string
  /** The feedback item that asks for it: one run for each, however often it is handled. */
  readonly item: string
  readonly reason: string
}

async function retrain(parts: Parts, { project, model, incident, item, reason }: Retraining): Promise<void> {
  if (await parts.monitoring.blocksRetraining(project)) return
  const training = await trainingOf(parts, project, model)
  if (!training) return
  const cause = { kind: 'incident', reason, ref: incident } as const
  const run = await parts.workflow.start({ project, pipeline: training.name, cause, key: `loop/retraining/${item}` })
  await parts.monitoring.attachRun(item, run.id)
}

/** The pipeline that trains a model; undefined when the project declares no such model, or has no project file. */
async function trainingOf(
  { projects }: Parts,
  project: string,
  model: string,
): Promise<{ name: string; pipeline: PipelineSpec } | undefined> {
  const spec = (await projects.find(project))?.spec
  const name = spec?.models[model]?.pipeline
  return name === undefined ? undefined : { name, pipeline: spec!.pipelines[name]! }
}
