import { join } from 'node:path'
import { literal } from '#storage'
import { writeFiles } from './mlruns-folder.ts'

/**
 * Rows as neptune-exporter writes them: two runs, a model with a version, and the second part of a run whose export was
 * broken off; and a folder with steps between whole numbers.
 */
export async function writeNeptune(folder: string, run: (statements: string[]) => Promise<unknown>): Promise<void> {
  const at = `timestamptz '2023-11-14 22:13:20Z'`
  const row = (id: string, path: string, type: string, values: string): string =>
    `insert into t (project_id, run_id, attribute_path, attribute_type, ${values.split('=')[0]}) values ('team/proj', '${id}', '${path}', '${type}', ${values.split('=')[1]})`
  const create = `create temp table t (project_id varchar, run_id varchar, attribute_path varchar, attribute_type varchar,
    step decimal(18, 6), timestamp timestamptz, int_value bigint, float_value double, string_value varchar, bool_value boolean,
    datetime_value timestamptz, string_set_value varchar[], file_value struct(path varchar),
    histogram_value struct(type varchar, edges double[], values double[]))`
  const rows = (id: string, points: number): string[] => [
    row(id, 'sys/creation_time', 'datetime', `datetime_value=${at}`),
    row(id, 'sys/owner', 'string', `string_value='ann'`),
    row(id, 'sys/failed', 'bool', `bool_value=${id === 'R-2'}`),
    row(id, 'lr', 'float', 'float_value=0.1'),
    row(id, 'n', 'int', 'int_value=7'),
    ...Array.from({ length: points }, (_, step) =>
      row(id, 'loss', 'float_series', `step, timestamp, float_value=${step}, ${at}, 1.0 / ${step + 1}`),
    ),
    row(id, 'log', 'string_series', `step, timestamp, string_value=0, ${at}, 'it''s'`),
    row(id, 'model', 'file', `file_value={'path': '${id}/model.bin'}`),
    row(id, 'img', 'file_series', `step, file_value=3, {'path': '${id}/img.png'}`),
  ]
  await writeFiles(folder, {
    'data/p/models/.keep': '',
    'data/p/model_versions/.keep': '',
    'files/p/model_versions/P-MOD-3/model.bin': 'bytes',
    ...Object.fromEntries(
      ['R-1', 'R-2'].flatMap(id => [
        [`files/p/${id}/model.bin`, id],
        [`files/p/${id}/img.png`, id],
      ]),
    ),
  })
  const copy = (name: string): string => `copy t to ${literal(join(folder, 'data/p', name))} (format parquet)`
  await run([create, ...rows('R-1', 6), copy('R-1_part_0.parquet')])
  await run([create, ...rows('R-2', 3), copy('R-2_part_0.parquet')])
  await run([create, ...rows('R-3', 1), copy('R-3_part_1.parquet')])
  const name = row('P-MOD', 'sys/name', 'string', `string_value='baseline'`)
  await run([create, name, copy('models/P-MOD_part_0.parquet')])
  const version = [
    row('P-MOD-3', 'sys/model_id', 'string', `string_value='P-MOD'`),
    row('P-MOD-3', 'sys/stage', 'string', `string_value='staging'`),
    row('P-MOD-3', 'model', 'file', `file_value={'path': 'model_versions/P-MOD-3/model.bin'}`),
  ]
  await run([create, ...version, copy('model_versions/P-MOD-3_part_0.parquet')])
  const halves = join(folder, '../halves')
  await writeFiles(halves, { '.keep': '' })
  const half = row('H-1', 'loss', 'float_series', `step, timestamp, float_value=0.5, ${at}, 1`)
  await run([create, half, `copy t to ${literal(join(halves, 'H-1_part_0.parquet'))} (format parquet)`])
}
