import type { ModelVersion, Place, RegisteredModel, Stage } from '#registry'
import type { Caller } from './route.ts'

/** MLflow's stages; a candidate and a rejected version are in none. */
export const mlflowStages = ['None', 'Staging', 'Production', 'Archived'] as const
export type MlflowStage = (typeof mlflowStages)[number]

export const stageName: Readonly<Record<Stage, MlflowStage>> = {
  candidate: 'None',
  rejected: 'None',
  staging: 'Staging',
  production: 'Production',
  archived: 'Archived',
}

export const stageOf: Readonly<Record<MlflowStage, Stage>> = {
  None: 'candidate',
  Staging: 'staging',
  Production: 'production',
  Archived: 'archived',
}

const pairs = (record: Readonly<Record<string, string>>): object[] | undefined => {
  const entries = Object.entries(record).map(([key, value]) => ({ key, value }))
  return entries.length > 0 ? entries : undefined
}

/** A model's name for who asks: what is of their own workspace needs no prefix. */
const nameFor = (
  { project, fullName }: { project: string; fullName: string },
  name: string,
  { workspace }: Pick<Caller, 'workspace'>,
): string => (project === workspace ? name : fullName)

export function modelJson(model: RegisteredModel, latest: readonly ModelVersion[], caller: Caller): object {
  const { description, tags, aliases, createdAt, updatedAt } = model
  const versions = latest.map(version => versionJson(version, caller))
  const named = Object.entries(aliases).map(([alias, version]) => ({ alias, version: String(version) }))
  return {
    name: nameFor(model, model.name, caller),
    creation_timestamp: createdAt,
    last_updated_timestamp: updatedAt,
    ...(description !== '' && { description }),
    ...(versions.length > 0 && { latest_versions: versions }),
    tags: pairs(tags),
    ...(named.length > 0 && { aliases: named }),
  }
}

export function versionJson(version: ModelVersion, caller: Caller): object {
  const { model, version: number, createdAt, updatedAt, stage, description, source, tags, aliases } = version
  return {
    name: nameFor(version, model, caller),
    version: String(number),
    creation_timestamp: createdAt,
    last_updated_timestamp: updatedAt,
    current_stage: stageName[stage],
    description,
    source,
    run_id: version.trackingRun ?? '',
    status: 'READY',
    tags: pairs(tags),
    run_link: version.runLink ?? '',
    ...(aliases.length > 0 && { aliases }),
    ...(version.loggedModel !== undefined && { model_id: version.loggedModel }),
  }
}

export const resourceOf = ({ project, fullName }: Place) =>
  ({ project, kind: 'registered_model', id: fullName }) as const
