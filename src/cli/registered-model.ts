import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Client } from './client.ts'

/** A registered model, declared by a project or registered by a client of MLflow. */
export interface Model {
  readonly project: string
  readonly name: string
  /** For clients of MLflow: `rain.umbrella`. */
  readonly fullName: string
  readonly aliases: Readonly<Record<string, number>>
}

interface Page<Item> {
  readonly items: readonly Item[]
}

/** The model of this name, in its project or with it: `umbrella`, `rain.umbrella`. Throws when several projects have one. */
export async function chosenModel(client: Client, wanted: string, project?: string): Promise<Model> {
  const quote = wanted.includes("'") ? '"' : "'"
  const filter = `name = ${quote}${wanted}${quote} OR name LIKE ${quote}%.${wanted}${quote}`
  const { items } = await client.get<Page<Model>>(`/api/v1/models?limit=500&filter=${encodeURIComponent(filter)}`)
  const found = items.filter(
    model => [model.name, model.fullName].includes(wanted) && (project === undefined || model.project === project),
  )
  if (found.length === 1) return found[0]!
  if (found.length === 0)
    throw new TrainyardError(
      'not_found',
      `There is no model ${wanted}${project === undefined ? '' : ` in the project ${project}`} that has a version.`,
    )
  const allowed = found.map(model => model.project).join(', ')
  throw invalid(`Several projects have a model ${wanted}.`, [{ field: '--project', allowed }])
}

const versionsPath = ({ project, name }: Model): string =>
  `/api/v1/projects/${encodeURIComponent(project)}/models/${encodeURIComponent(name)}/versions`

/** Versions of a model, the newest first. */
export const newestVersions = async <Version>(client: Client, model: Model): Promise<readonly Version[]> =>
  (await client.get<Page<Version>>(`${versionsPath(model)}?limit=50`)).items

/** The version of this number, or that has the alias after `@`. Throws `not_found` with the newest that there are. */
export async function versionOf<Version>(client: Client, model: Model, said: string): Promise<Version> {
  const number = said.startsWith('@') ? model.aliases[said.slice(1)] : said
  try {
    if (number !== undefined) return await client.get<Version>(`${versionsPath(model)}/${number}`)
  } catch (error) {
    if (!(error instanceof TrainyardError) || error.code !== 'not_found') throw error
  }
  const newest = await newestVersions<{ version: number; stage: string }>(client, model)
  const there = newest.map(({ version, stage }) => `${version} (${stage})`).join(', ')
  throw new TrainyardError('not_found', `${model.name} has no version ${said}. There is: ${there || 'none'}.`)
}
