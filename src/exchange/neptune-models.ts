import type { Row } from '#storage'
import { textOf, type NeptuneReader } from './neptune-reader.ts'
import { idOf } from './neptune-run.ts'
import type { CarriedModel, CarriedVersion } from './record.ts'

/** Neptune's stages in the registry's words. */
const stages: Readonly<Record<string, string>> = { staging: 'Staging', production: 'Production', archived: 'Archived' }

/**
 * The registry of Neptune 2: a model `RAIN-MOD` is registered under that name, its version `RAIN-MOD-3` as number 3,
 * with the run that keeps its attributes and files. What is in the trash is not registered.
 */
export async function* readNeptuneModels(reader: NeptuneReader): AsyncIterable<CarriedModel> {
  const rows = await reader.rows(
    `select project_id as project, run_id as id, scope, attribute_path as path,
       coalesce(string_value, cast(bool_value as varchar), cast(epoch_ms(datetime_value) as varchar)) as value
     from attributes where scope <> '' and attribute_path in ('sys/creation_time', 'sys/modification_time',
       'sys/description', 'sys/model_id', 'sys/name', 'sys/owner', 'sys/stage', 'sys/trashed')
     order by project, id, path`,
  )
  const things = [...Map.groupBy(rows, row => JSON.stringify([row['project'], row['id']])).values()].map(toThing)
  const alive = things.filter(({ of }) => of('trashed') !== 'true')
  const versions = Map.groupBy(
    alive.filter(({ scope }) => scope === 'model_versions'),
    ({ of, id }) => of('model_id') || id.replace(/-\d+$/, ''),
  )
  for (const { id, of } of alive.filter(({ scope }) => scope === 'models'))
    yield {
      name: id,
      description: of('description') || of('name'),
      createdAt: Number(of('creation_time')),
      updatedAt: Number(of('modification_time') || of('creation_time')),
      tags: [],
      aliases: [],
      versions: (versions.get(id) ?? []).map(toVersion).toSorted((a, b) => a.version - b.version),
    }
}

interface Thing {
  readonly project: string
  readonly id: string
  readonly scope: string
  /** A value below `sys/`; the empty text where there is none. */
  of(name: string): string
}

function toThing(rows: readonly Row[]): Thing {
  const values = new Map(rows.map(row => [textOf(row['path']), textOf(row['value'])]))
  const { project, id, scope } = rows[0]!
  return {
    project: textOf(project),
    id: textOf(id),
    scope: textOf(scope),
    of: name => values.get(`sys/${name}`) ?? '',
  }
}

function toVersion({ project, id, of }: Thing): CarriedVersion {
  const run = idOf({ project, run: id })
  return {
    version: Number(/-(\d+)$/.exec(id)?.[1] ?? 1),
    description: of('description'),
    source: `runs:/${run}`,
    run,
    stage: stages[of('stage')] ?? 'None',
    user: of('owner'),
    createdAt: Number(of('creation_time')),
    updatedAt: Number(of('modification_time') || of('creation_time')),
    tags: [],
  }
}
