import { conflict, notFound } from '#kernel/error.ts'
import type { Event } from '#kernel/event.ts'
import type { projectApplied } from '#project'
import { isEvaluated, type ModelVersion, type stageChanged } from '#registry'
import type { RunTask } from '#workflow'
import type { z } from 'zod'
import { findDeployment, liveRevision } from './deployment.ts'
import type { DeliveryParts } from './parts.ts'
import { requireDeployable } from './registered.ts'
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
    if (model !== data.model) continue
    const reason = `Version ${version.version} of ${model} was moved to production: ${data.reason}`
    await startDeploy(parts, { deployment, version, promotion: data.transition, actor, reason })
  }
}

/** A deployment that was declared after its model went to production is brought up now. */
export async function onApplied(
  parts: DeliveryParts,
  { project, actor }: Event<z.output<typeof projectApplied.schema>>,
): Promise<void> {
  if (project === undefined) return
  await parts.serving.follow()
  const { spec } = await parts.projects.current(project)
  const known = new Set((await parts.serving.deployments(project)).map(({ name }) => name))
  for (const [deployment, { model }] of Object.entries(spec.deployments).filter(([name]) => !known.has(name))) {
    const version = await parts.registry.champion(project, model)
    const promotion = version?.transitions.findLast(({ to }) => to === 'production')?.id
    if (!version || !promotion) continue
    const reason = `The deployment ${deployment} was declared, and version ${version.version} of ${model} is in production.`
    await startDeploy(parts, { deployment, version, promotion, actor, reason })
  }
}

/** What a person wants answered by a deployment, which the project need not declare. */
export interface ReleaseRequest {
  readonly project: string
  readonly deployment: string
  /** Id of the model version. */
  readonly version: string
  /** Percent of requests that it gets while it proves itself, of a deployment that the project does not declare. */
  readonly weight: number
  readonly actor: string
  readonly reason: string
}

/**
 * Brings a version into a deployment, having moved it to production as its model's rules allow. Answers the run, which is
 * the same for a repeat; none when the deployment answers with that version already. Throws `not_found`, `conflict` when
 * the deployment is of another model, and what {@link requireDeployable} throws.
 */
export async function releaseVersion(
  parts: DeliveryParts,
  { project, deployment, version: id, weight, actor, reason }: ReleaseRequest,
): Promise<string | undefined> {
  const found = await parts.registry.version(id)
  if (found.project !== project || found.deletedAt !== undefined) throw notFound('model version', id)
  if (!isEvaluated(found)) requireDeployable(found)
  const { deployments = {} } = (await parts.projects.find(project))?.spec ?? {}
  const isDeclared = Object.hasOwn(deployments, deployment)
  const model = isDeclared ? deployments[deployment]!.model : (await findDeployment(parts, project, deployment))?.model
  if (model !== undefined && model !== found.model)
    throw conflict(`The deployment ${deployment} answers with ${model}, not with ${found.model}.`, {
      deployment,
      model,
    })
  const version =
    found.stage === 'production' ? found : await parts.registry.transition(id, { to: 'production', actor, reason })
  const promotion = version.transitions.findLast(({ to }) => to === 'production')!.id
  return startDeploy(parts, {
    deployment,
    version,
    promotion,
    actor,
    reason: `Version ${version.version} of ${version.model} is released as ${deployment}: ${reason}`,
    ...(!isDeclared && { weight }),
  })
}

interface DeployRequest {
  readonly deployment: string
  readonly version: ModelVersion
  /** Id of the transition, which is a node of the ledger. */
  readonly promotion: string
  readonly actor: string
  /** Why, as a sentence that names the version. */
  readonly reason: string
  /** Of a deployment that the project does not declare. */
  readonly weight?: number
}

async function startDeploy(
  parts: DeliveryParts,
  { deployment, version, promotion, actor, reason, weight }: DeployRequest,
): Promise<string | undefined> {
  const { project, id } = version
  // After a roll-back the former version is in production again, and has never stopped answering.
  if ((await liveRevision(parts, project, deployment))?.version === id) return undefined
  const { id: run } = await parts.workflow.start({
    project,
    pipeline: deployPipeline,
    tasks: deployTasks({ deployment, version: id, promotion, ...(weight !== undefined && { weight }) }),
    params: { deployment, version: id },
    cause: { kind: 'event', reason, ref: promotion },
    actor,
    key: `deploy/${deployment}/${promotion}`,
  })
  return run
}

function deployTasks(params: {
  deployment: string
  version: string
  promotion: string
  weight?: number
}): Record<string, RunTask> {
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
