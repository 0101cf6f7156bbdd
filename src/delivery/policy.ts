import { Canary, canarySteps, type DeploymentSpec } from '#project'
import type { TaskCall } from '#workflow'
import type { DeliveryParts } from './parts.ts'
import { textParam } from './task.ts'

/**
 * How a new revision proves itself: as the project declares the deployment, else as was asked for when it was released.
 * Undefined when the project declared it once and does not any more.
 */
export async function canaryPolicy(
  { projects }: Pick<DeliveryParts, 'projects'>,
  call: TaskCall,
): Promise<DeploymentSpec['canary'] | undefined> {
  const declared = await declaredDeployment({ projects }, call)
  if (declared) return declared.canary
  const weight = call.params['weight']
  return weight === undefined ? undefined : Canary.parse({ weight })
}

/** Percent of requests that a canary begins with. */
export const firstStep = (policy: DeploymentSpec['canary'] | undefined): number =>
  policy === undefined ? 100 : canarySteps(policy)[0]!

/** What the project declares of the deployment now. */
export async function declaredDeployment(
  { projects }: Pick<DeliveryParts, 'projects'>,
  call: TaskCall,
): Promise<DeploymentSpec | undefined> {
  const declared = (await projects.find(call.run.project))?.spec.deployments ?? {}
  const name = textParam(call, 'deployment')
  return Object.hasOwn(declared, name) ? declared[name] : undefined
}
