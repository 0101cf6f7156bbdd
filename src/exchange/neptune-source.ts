import { invalid } from '#kernel/error.ts'
import { literal, type Row } from '#storage'
import { neptuneFiles } from './neptune-files.ts'
import { createNeptuneReader, textOf } from './neptune-reader.ts'
import { readNeptuneModels } from './neptune-models.ts'
import { idOf, keyOf, toRun, type Origin } from './neptune-run.ts'
import type { CarriedExperiment, CarriedPoint, CarriedRun, Source } from './record.ts'

/*
 * What neptune-exporter [github.com/neptune-ai/neptune-exporter, schema and layout of 2025-12] has written: Parquet of
 * one row for each value, and the files beside. A project becomes an experiment; a run keeps its attributes as params,
 * tags and metrics, and so do the models and versions of Neptune 2, which are registered too. Neptune has no logged
 * models.
 */

export interface NeptuneChoices {
  /** Steps are decimal numbers there and whole ones here. */
  readonly stepMultiplier: number
  readonly signal?: AbortSignal
}

const runsPerYield = 50

/** `value` is the one of the typed columns that is filled, as text. */
const value = `case attribute_type
    when 'float' then cast(float_value as varchar)
    when 'int' then cast(int_value as varchar)
    when 'bool' then cast(bool_value as varchar)
    when 'datetime' then cast(epoch_ms(datetime_value) as varchar)
    when 'string_set' then array_to_string(list_sort(string_set_value), ',')
    else string_value end as value`

export function createNeptuneSource(folder: string, choices: NeptuneChoices): Source {
  const reader = createNeptuneReader(folder, choices.signal)
  const origins = new Map<string, Origin>()
  const ofRun = ({ id }: CarriedRun): string => {
    const { project, run } = origins.get(id)!
    return `project_id = ${literal(project)} and run_id = ${literal(run)}`
  }

  return {
    name: folder,

    async *experiments() {
      const rows = await reader.rows(
        `select project_id as id, coalesce(epoch_ms(min(timestamp)), 0) as created_at,
           coalesce(epoch_ms(max(timestamp)), 0) as updated_at
         from attributes group by project_id order by project_id`,
      )
      yield* rows.map(toExperiment)
    },

    async *runs({ id: project }) {
      const ids = await reader.rows(
        `select distinct run_id as id from attributes where project_id = ${literal(project)} order by 1`,
      )
      for (let start = 0; start < ids.length; start += runsPerYield) {
        origins.clear()
        const some = ids.slice(start, start + runsPerYield).map(({ id }) => ({ project, run: textOf(id) }))
        for (const origin of some) origins.set(idOf(origin), origin)
        const rows = await reader.rows(
          `select run_id, attribute_path as path, scope, ${value} from attributes
           where project_id = ${literal(project)} and run_id in (${some.map(({ run }) => literal(run)).join(', ')})
             and attribute_type in ('float', 'int', 'string', 'bool', 'datetime', 'string_set')
           order by run_id, path`,
        )
        const byRun = Map.groupBy(rows, row => textOf(row['run_id']))
        yield some.map(origin => toRun(origin, byRun.get(origin.run) ?? []))
      }
    },

    async *points(run) {
      const pages = reader.pages({
        select: 'run_id',
        where: `${ofRun(run)} and attribute_type = 'float_series' and float_value is not null`,
        order: [
          { expression: 'attribute_path', name: 'path' },
          { expression: 'coalesce(cast(step as double), 0)', name: 'step' },
          { expression: 'coalesce(epoch_ms(timestamp), 0)', name: 'at' },
          { expression: 'cast(float_value as varchar)', name: 'value' },
        ],
      })
      for await (const rows of pages) yield rows.map(row => toPoint(row, choices.stepMultiplier))
    },

    files: run => neptuneFiles(reader, ofRun(run), folder),
    async *loggedModels() {},
    async *modelFiles() {},
    async *traces() {},
    traceContent: async () => ({ spans: [], files: [] }),
    tracesOfRun: async () => [],
    async *evaluationDatasets() {},
    async *evaluationRecords() {},
    models: () => readNeptuneModels(reader),
    async *webhooks() {},
    async *users() {},
  }
}

const toExperiment = ({ id, created_at, updated_at }: Row): CarriedExperiment => ({
  id: textOf(id),
  name: textOf(id),
  lifecycle: 'active',
  createdAt: Number(created_at),
  updatedAt: Number(updated_at),
  tags: [],
})

function toPoint(row: Row, multiplier: number): CarriedPoint {
  // Six decimals are what the export keeps of a step.
  const step = Math.round(Number(row['step']) * multiplier * 1e6) / 1e6
  if (!Number.isSafeInteger(step))
    throw invalid('A step is no whole number here.', [
      {
        field: `step of ${textOf(row['path'])}`,
        value: row['step'],
        allowed: 'whole numbers: multiply all steps with --step-multiplier, 1000000 always suffices',
      },
    ])
  return { key: keyOf(textOf(row['path'])), step, timestamp: Number(row['at']), value: numberOf(textOf(row['value'])) }
}

/** A number as DuckDB prints it. */
function numberOf(text: string): number {
  const special = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }[text.toLowerCase()]
  return special ?? Number(text)
}
