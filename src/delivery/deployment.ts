import type { DeliveryParts, DeployedRevision, Deployment } from './parts.ts'

type WithServing = Pick<DeliveryParts, 'serving'>

export const findDeployment = async (
  { serving }: WithServing,
  project: string,
  name: string,
): Promise<Deployment | undefined> => (await serving.deployments(project)).find(deployment => deployment.name === name)

/** The revision that has proved itself: what a roll-back returns to. */
export const liveRevision = async (
  parts: WithServing,
  project: string,
  name: string,
): Promise<DeployedRevision | undefined> =>
  (await findDeployment(parts, project, name))?.revisions.find(({ state }) => state === 'live')
