import { TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { verb } from '../command.ts'
import { declaredDeployment, type Deployment } from '../deployment.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Version {
  id: string
  model: string
  version: number
  stage: string
}

const reasonOption = 'why; it is kept with the decision'

export const promoteVerb = verb(
  'promote <model> [version]',
  'Move a staged version of a model to production.',
  command => projectOption(command).requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, options, [model, number]) => {
    const project = await chosenProject(client, options['project'])
    const moved = await toProduction(client, { project, model: model!, number, reason: options['reason'] })
    output.result(moved, () => [
      `Version ${moved.version} of ${moved.model} is in ${moved.stage}; its deployments follow.`,
    ])
  },
)

export const deployVerb = verb(
  'deploy <deployment> [version]',
  'Bring a version into a deployment: promote it, test its bundle, let it take traffic.',
  command => command.requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, { reason }, [name, number]) => {
    const { project, model } = await declaredDeployment(client, name!)
    const moved = await toProduction(client, { project, model, number, reason })
    output.result(moved, () => [
      `Version ${moved.version} of ${moved.model} is on its way into ${name}. Follow it with: trainyard status --runs`,
    ])
  },
)

async function toProduction(
  client: Client,
  { project, model, number, reason }: { project: string; model: string; number: string | undefined; reason: string },
): Promise<Version> {
  const { items } = await client.get<{ items: Version[] }>(
    `/api/v1/projects/${project}/models/${encodeURIComponent(model)}/versions`,
  )
  const wanted =
    number === undefined
      ? items.find(version => version.stage === 'staging')
      : items.find(version => String(version.version) === number)
  if (!wanted) {
    const there = items.map(version => `${version.version} (${version.stage})`).join(', ') || 'none'
    throw new TrainyardError(
      'not_found',
      `${model} has no ${number === undefined ? 'staged version' : `version ${number}`}. There is: ${there}.`,
    )
  }
  return client.send('POST', `/api/v1/model-versions/${wanted.id}/transitions`, { to: 'production', reason })
}

export const rollbackVerb = verb(
  'rollback <deployment>',
  'Give all traffic back to the revision before.',
  command => command.requiredOption('--reason <text>', reasonOption),
  async ({ client, output }, { reason }, [name]) => {
    const deployment = await client.send<Deployment>(
      'POST',
      `/api/v1/deployments/${encodeURIComponent(name!)}/rollback`,
      { reason },
    )
    const live = deployment.revisions?.find(revision => revision.weight > 0)
    output.result(deployment, () => [
      `${name} serves ${live ? `revision ${live.number}, model version ${live.versionNumber}` : 'nothing'}.`,
    ])
  },
)
