import type { Event } from '#kernel/event.ts'
import type { projectApplied } from '#project'
import type { ModelVersion, stageChanged } from '#registry'
import type { RunTask } from '#workflow'
import type { z } from 'zod'
import { liveRevision } from './deployment.ts'
import type { DeliveryParts } from './parts.ts'
import { task } from './task.ts'

/** The paper's CI/CD (C1), second half: a version that is moved to production is bundled, rehearsed, released, observed. */

export const deployPipeline = 'deploy'

/** Brings a version that was moved to production into every deployment of its model. */
export async function onStageChanged(
  parts: DeliveryParts,
  { project, actor, data }: Event<z.output<typeof stageChanged.schema>>,
): Promise<void> {
  if (data.to !== 'production' || project === undefined) return
  const version = await parts.registry.version(data.version)
  // Moved on since: the event of that move is what counts.
  if (version.stage !== 'production') return
  // Models of clients may be of a project that declares nothing.
  const revision = await parts.projects.find(project)
  for (const [deployment, { model }] of Object.entries(revision?.spec.deployments ?? {})) {
    if (model === data.model)
      await startDeploy(parts, { deployment, version, promotion: data.transition, actor, reason: data.reason })
  }
}

/** A deployment that was declared after its model went to production is brought up now. */
export async function onApplied(
  parts: DeliveryParts,
  { project, actor }: Event<z.output<typeof projectApplied.schema>>,
): Promise<void> {
  if (project === undefined) return
  const { spec } = await parts.projects.current(project)
  const known = new Set((await parts.serving.deployments(project)).map(({ name }) => name))
  for (const [deployment, { model }] of Object.entries(spec.deployments).filter(([name]) => !known.has(name))) {
    const version = await parts.registry.champion(project, model)
    const promotion = version?.transitions.findLast(({ to }) => to === 'production')?.id
    if (version && promotion)
      await startDeploy(parts, { deployment, version, promotion, actor, reason: 'The deployment was declared.' })
  }
}

interface DeployRequest {
  readonly deployment: string
  readonly version: ModelVersion
  /** Id of the transition, which is a node of the ledger. */
  readonly promotion: string
  readonly actor: string
  readonly reason: string
}

async function startDeploy(
  parts: DeliveryParts,
  { deployment, version, promotion, actor, reason }: DeployRequest,
): Promise<void> {
  const { project, model, id, version: number } = version
  // After a roll-back the former version is in production again, and has never stopped answering.
  if ((await liveRevision(parts, project, deployment))?.version === id) return
  await parts.workflow.start({
    project,
    pipeline: deployPipeline,
    tasks: deployTasks({ deployment, version: id, promotion }),
    params: { deployment, version: id },
    cause: {
      kind: 'event',
      reason: `Version ${number} of ${model} was moved to production: ${reason}`,
      ref: promotion,
    },
    actor,
    key: `deploy/${deployment}/${promotion}`,
  })
}

function deployTasks(params: { deployment: string; version: string; promotion: string }): Record<string, RunTask> {
  return {
    bundle: task({ uses: 'delivery.bundle', params, outputs: ['bundle'], retries: 2 }),
    rehearse: task({
      uses: 'delivery.rehearse',
      params,
      inputs: { bundle: 'bundle.bundle' },
      outputs: ['bundle'],
      timeout: '5m',
    }),
    release: task({
      uses: 'delivery.release',
      params,
      inputs: { bundle: 'rehearse.bundle' },
      outputs: ['revision'],
      retries: 5,
    }),
    observe: task({
      uses: 'delivery.observe',
      params,
      inputs: { revision: 'release.revision' },
      outputs: ['outcome'],
      retries: 20,
    }),
  }
}
