import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Writes files below a folder. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

export const parent = 'a'.repeat(32)
export const deleted = 'b'.repeat(32)

const runMeta = (change: Readonly<Record<string, string | number>>): string =>
  Object.entries({
    artifact_uri: 'file:///gone/1/x/artifacts',
    end_time: 1_700_000_009_000,
    lifecycle_stage: 'active',
    run_name: 'parent',
    start_time: 1_700_000_000_000,
    status: 3,
    user_id: 'ann',
    ...change,
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('')

export const trace = `tr-${'d'.repeat(32)}`
export const oldTrace = 'e'.repeat(32)

const twin = (id: string, run: string): Readonly<Record<string, string>> => ({
  [`${id}/meta.yaml`]: `artifact_location: file:///gone/${id}\ncreation_time: ${id}\nexperiment_id: '${id}'\nlast_update_time: ${id}\nlifecycle_stage: active\nname: twin\n`,
  [`${id}/${run.repeat(32)}/meta.yaml`]: runMeta({ run_name: `of ${id}` }),
})

/** Two folders that were put together by hand: each has an experiment of one name, with a run. */
export const twinFiles = { ...twin('7', '7'), ...twin('8', '8') }

/** A file store as MLflow 2.9 and 3 write one, moved from where it was made: two experiments, three runs, two models, two traces. */
export const mlrunsFiles: Readonly<Record<string, string | Buffer>> = {
  '0/meta.yaml': `artifact_location: file:///gone/0\ncreation_time: 1\nexperiment_id: '0'\nlast_update_time: 1\nlifecycle_stage: active\nname: Default\n`,
  '1/meta.yaml': `artifact_location: file:///gone/1\ncreation_time: 1700000000000\nexperiment_id: '1'\nlast_update_time: 1700000001000\nlifecycle_stage: active\nname: vision/größe\n`,
  '1/tags/team': 'a b',
  '1/datasets/d1/meta.yaml': `digest: 92a7\nname: train\nprofile: '{"rows": 3}'\nschema: '{}'\nsource: '{"url": "http://x/y"}'\nsource_type: http\n`,
  [`1/${parent}/meta.yaml`]: runMeta({}),
  [`1/${parent}/params/lr`]: '0.1',
  [`1/${parent}/params/nested/key`]: 'a\nb',
  [`1/${parent}/tags/mlflow.runName`]: 'parent',
  [`1/${parent}/tags/quote`]: `it's "q" 💡`,
  [`1/${parent}/metrics/loss`]: '1700000000000 0.5 0\n1700000001000 0.25 1\n1700000001000 0.25 1\n',
  [`1/${parent}/metrics/val/odd`]: '5 nan 0\n5 inf 1\n5 -inf 2\n5 5e-324 9007199254740993\n7 1 -3 train 92a7\n',
  [`1/${parent}/inputs/i1/meta.yaml`]: `destination_id: x\nsource_id: d1\nsource_type: DATASET\ntags:\n  mlflow.data.context: training\n`,
  [`1/${parent}/outputs/m-1/meta.yaml`]: `destination_id: x\nsource_id: m-1\nsource_type: RUN_OUTPUT\nstep: 4\ntags: {}\n`,
  [`1/${parent}/artifacts/a b/ü.txt`]: 'hello',
  [`1/${parent}/artifacts/empty`]: '',
  [`1/${parent}/artifacts/model/MLmodel`]: 'flavors:\n  sklearn: {}\n',
  [`1/${parent}/artifacts/model/model.bin`]: Buffer.alloc(300_000, 7),
  [`1/${deleted}/meta.yaml`]: runMeta({ lifecycle_stage: 'deleted', status: 4, run_name: 'dead', end_time: 'null' }),
  '1/models/m-1/meta.yaml': `artifact_location: file:///gone/m-1\ncreation_timestamp: 1700000002000\nlast_updated_timestamp: 1700000003000\nlifecycle_stage: active\nmodel_id: m-1\nmodel_type: null\nname: net\nsource_run_id: ${parent}\nstatus: 2\n`,
  '1/models/m-1/params/depth': '3',
  '1/models/m-1/tags/t': 'v',
  [`1/models/m-1/metrics/acc`]: `1700000002500 0.75 4 ${parent}\n1700000002500 0.5 4 ${parent} train 92a7\n`,
  '1/models/m-1/artifacts/MLmodel': 'flavors: {}\n',
  [`1/traces/${trace}/trace_info.yaml`]: `client_request_id: c\nexecution_duration_ms: 19\nrequest_preview: '{"x": 9}'\nrequest_time: '2026-01-31T12:00:00.123Z'\nstate: OK\ntrace_id: ${trace}\ntrace_location:\n  mlflow_experiment:\n    experiment_id: '1'\n  type: MLFLOW_EXPERIMENT\n`,
  [`1/traces/${trace}/request_metadata/mlflow.sourceRun`]: parent,
  [`1/traces/${trace}/tags/mlflow.artifactLocation`]: 'file:///gone/1/traces/t/artifacts',
  [`1/traces/${trace}/tags/quote`]: `it's "q" 💡`,
  [`1/traces/${trace}/assessments/a-1.yaml`]: assessment({
    id: 'a-1',
    said: 'feedback:\n  value: 0.5\nvalid: false\n',
  }),
  [`1/traces/${trace}/assessments/a-2.yaml`]: assessment({
    id: 'a-2',
    said: `expectation:\n  serialized_value:\n    serialization_format: JSON_FORMAT\n    value: '{"a": [1, 2]}'\nmetadata:\n  k: v\noverrides: a-1\nrationale: why\nvalid: true\n`,
  }),
  [`1/traces/${trace}/artifacts/traces.json`]: '{"spans": []}',
  [`1/traces/${oldTrace}/trace_info.yaml`]: `assessments: []\nexecution_time_ms: null\nexperiment_id: '1'\nrequest_id: ${oldTrace}\nstatus: IN_PROGRESS\ntimestamp_ms: 1700000000123\n`,
  [`1/traces/${oldTrace}/tags/mlflow.artifactLocation`]: 'file:///gone/1/traces/o/artifacts',
  [`1/traces/${oldTrace}/tags/mlflow.traceName`]: 'old',
  '.trash/2/meta.yaml': `artifact_location: file:///gone/2\ncreation_time: 5\nexperiment_id: '2'\nlast_update_time: 6\nlifecycle_stage: deleted\nname: gone\ntags: {}\n`,
  [`.trash/2/${'c'.repeat(32)}/meta.yaml`]: runMeta({ run_name: 'old', status: 5 }),
  'models/Umbrella/meta.yaml': `creation_timestamp: 1700000004000\ndescription: a model\nlast_updated_timestamp: 1700000008000\nname: Umbrella\n`,
  'models/Umbrella/aliases/champion': '3',
  'models/Umbrella/tags/t': 'v',
  'models/Umbrella/version-1/meta.yaml': version({ number: 1, stage: 'Production' }),
  'models/Umbrella/version-2/meta.yaml': version({ number: 2, stage: 'Deleted_Internal' }),
  'models/Umbrella/version-3/meta.yaml': version({ number: 3, stage: 'None' }),
  'models/Umbrella/version-3/tags/vt': 'vv',
}

function assessment({ id, said }: { id: string; said: string }): string {
  return `assessment_id: ${id}\nassessment_name: good\ncreate_time: '2026-01-31T12:00:01.000Z'\nlast_update_time: '2026-01-31T12:00:02.000Z'\nsource:\n  source_id: ann\n  source_type: HUMAN\ntrace_id: ${trace}\n${said}`
}

function version({ number, stage }: { number: number; stage: string }): string {
  return `creation_timestamp: ${1_700_000_005_000 + number}\ncurrent_stage: ${stage}\ndescription: null\nlast_updated_timestamp: 1700000007000\nname: Umbrella\nrun_id: ${parent}\nrun_link: null\nsource: file:///gone/1/${parent}/artifacts/model\nstatus: READY\nuser_id: null\nversion: ${number}\n`
}
