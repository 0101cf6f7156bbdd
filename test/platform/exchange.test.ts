import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseExactly } from '#kernel/json.ts'
import { builtAt } from '#kernel/place.ts'
import { createDuckdb, literal, type Row } from '#storage'
import { startServer, type ServerProcess } from '../server.ts'
import { deleted, mlrunsFiles, oldTrace, parent, trace, twinFiles, writeFiles } from './mlruns-folder.ts'
import { writeNeptune } from './neptune-folder.ts'

/** The commands `trainyard import` and `trainyard export`, against a server in a process of its own. */

interface Report {
  readonly counts: readonly { kind: string; there: number; here: number }[]
  readonly differences: readonly { what: string; why: string }[]
  readonly passedOver: number
  readonly written: number
}

const main = fileURLToPath(builtAt('cli/main.js'))
const whole = {
  experiments: 3,
  runs: 3,
  params: 2,
  tags: 4,
  'metric points': 7,
  'dataset inputs': 1,
  'model links': 1,
  'logged models': 1,
  traces: 2,
  spans: 0,
  assessments: 2,
  'trace links': 0,
  'evaluation datasets': 0,
  'evaluation records': 0,
  files: 6,
  bytes: 300_053,
  'registered models': 1,
  'model versions': 2,
  webhooks: 0,
  users: 0,
  permissions: 0,
}

suite('everything goes in and out', { timeout: 400_000 }, () => {
  let folder: string
  let server: ServerProcess
  const duckdb = createDuckdb()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainyard-exchange-'))
    server = await startServer({ data: join(folder, 'data') })
    await writeFiles(join(folder, 'mlruns'), mlrunsFiles)
  })
  after(async () => {
    duckdb.stop()
    await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
    await server.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const trainyard = (...line: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise(resolve => {
      const env = { ...process.env, TRAINYARD_SERVER: server.url }
      const child = execFile(process.execPath, [main, ...line], { env, cwd: folder }, (_, out, err) =>
        resolve({ code: child.exitCode!, out, err }),
      )
    })
  const importing = async (...line: string[]): Promise<Report & { code: number }> => {
    const { code, out, err } = await trainyard('import', ...line, '--json')
    assert.notEqual(out, '', err)
    return { ...(JSON.parse(out) as Report), code }
  }
  const counts = (report: Report, side: 'here' | 'there'): unknown =>
    Object.fromEntries(report.counts.map(count => [count.kind, count[side]]))
  const mlflow = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<Record<string, never>> => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, { method, ...init })
    return parseExactly(await response.text()) as Record<string, never>
  }

  test('a folder of MLflow is brought over whole, with ids, times, stages and files', async () => {
    const report = await importing('mlflow', 'mlruns')
    assert.deepEqual(report.differences, [])
    assert.deepEqual(counts(report, 'there'), whole)
    assert.deepEqual(counts(report, 'here'), whole)
    assert.deepEqual([report.code, report.written, report.passedOver], [0, 6, 0])

    const { run } = (await mlflow('GET', `runs/get?run_id=${parent}`)) as unknown as {
      run: { info: object; data: { metrics: object[] }; outputs: object }
    }
    const { experiment_id, artifact_uri, ...info } = run.info as Record<string, unknown>
    assert.deepEqual(info, {
      run_id: parent,
      run_uuid: parent,
      run_name: 'parent',
      user_id: 'ann',
      status: 'FINISHED',
      start_time: 1_700_000_000_000,
      end_time: 1_700_000_009_000,
      lifecycle_stage: 'active',
    })
    assert.equal(artifact_uri, `mlflow-artifacts:/${String(experiment_id)}/${parent}/artifacts`)
    assert.deepEqual(run.outputs, { model_outputs: [{ model_id: 'm-1', step: 4 }] })
    const history = await mlflow('GET', `metrics/get-history?run_id=${parent}&metric_key=val/odd&max_results=100`)
    assert.deepEqual(history, {
      metrics: [
        { key: 'val/odd', value: 'NaN', timestamp: 5, step: 0 },
        { key: 'val/odd', value: Number.MAX_VALUE, timestamp: 5, step: 1 },
        { key: 'val/odd', value: -Number.MAX_VALUE, timestamp: 5, step: 2 },
        { key: 'val/odd', value: 5e-324, timestamp: 5, step: '9007199254740993' },
        { key: 'val/odd', value: 1, timestamp: 7, step: -3 },
      ],
    })
    const { run: dead } = (await mlflow('GET', `runs/get?run_id=${deleted}`)) as unknown as {
      run: { info: { lifecycle_stage: string; status: string } }
    }
    assert.deepEqual([dead.info.lifecycle_stage, dead.info.status], ['deleted', 'FAILED'])
    const { model_version } = (await mlflow(
      'GET',
      'registered-models/alias?name=Umbrella&alias=champion',
    )) as unknown as { model_version: Record<string, unknown> }
    assert.deepEqual(
      [
        model_version['version'],
        model_version['creation_timestamp'],
        model_version['last_updated_timestamp'],
        model_version['tags'],
      ],
      ['3', 1_700_000_005_003, 1_700_000_007_000, [{ key: 'vt', value: 'vv' }]],
    )
    const { model_version: next } = (await mlflow('POST', 'model-versions/create', {
      name: 'Umbrella',
      source: `runs:/${parent}/model`,
      run_id: parent,
    })) as unknown as { model_version: { version: string } }
    assert.equal(next.version, '4', 'numbers go on behind the imported ones')
    await mlflow('DELETE', 'model-versions/delete', { name: 'Umbrella', version: '4' })
  })

  test('its traces are as they were, with their times, what is said of them, and the file of their spans', async () => {
    const infoOf = async (id: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`${server.url}/api/3.0/mlflow/traces/${id}`)
      return ((await response.json()) as { trace: { trace_info: Record<string, unknown> } }).trace.trace_info
    }
    const { trace_location, tags, ...info } = await infoOf(trace)
    const { 'mlflow.artifactLocation': place, ...own } = tags as Record<string, string>
    const { mlflow_experiment } = trace_location as { mlflow_experiment: { experiment_id: string } }
    assert.equal(place, `mlflow-artifacts:/${mlflow_experiment.experiment_id}/traces/${trace}/artifacts`)
    assert.deepEqual(own, { quote: `it's "q" 💡` })
    const said = {
      assessment_name: 'good',
      trace_id: trace,
      source: { source_type: 'HUMAN', source_id: 'ann' },
      create_time: '2026-01-31T12:00:01.000Z',
      last_update_time: '2026-01-31T12:00:02.000Z',
    }
    assert.deepEqual(info, {
      trace_id: trace,
      client_request_id: 'c',
      request_preview: '{"x": 9}',
      request_time: '2026-01-31T12:00:00.123Z',
      execution_duration: '0.019s',
      state: 'OK',
      trace_metadata: { 'mlflow.sourceRun': parent },
      assessments: [
        { ...said, assessment_id: 'a-1', feedback: { value: 0.5 }, valid: false },
        {
          ...said,
          assessment_id: 'a-2',
          expectation: { serialized_value: { serialization_format: 'JSON_FORMAT', value: '{"a":[1,2]}' } },
          metadata: { k: 'v' },
          overrides: 'a-1',
          rationale: 'why',
          valid: true,
        },
      ],
    })
    const file = await fetch(`${server.url}/ajax-api/2.0/mlflow/get-trace-artifact?request_id=${trace}`)
    assert.equal(await file.text(), '{"spans": []}')
    const old = await infoOf(oldTrace)
    assert.deepEqual(
      [old['request_time'], old['execution_duration'], old['state']],
      ['2023-11-14T22:13:20.123Z', undefined, 'IN_PROGRESS'],
    )
  })

  test('said again, it passes over what is there', async () => {
    const report = await importing('mlflow', 'mlruns')
    assert.deepEqual([report.code, report.written, report.passedOver], [0, 0, 6])
    assert.deepEqual(counts(report, 'here'), whole)
  })

  test('what is missing here, or new there, is brought by the next import', async () => {
    const { run } = (await mlflow('GET', `runs/get?run_id=${parent}`)) as unknown as {
      run: { info: { artifact_uri: string } }
    }
    const place = run.info.artifact_uri.replace('mlflow-artifacts:/', '')
    const file = `${server.url}/api/2.0/mlflow-artifacts/artifacts/${place}/model/model.bin`
    assert.equal((await fetch(file, { method: 'DELETE' })).status, 200)
    await appendFile(join(folder, `mlruns/1/${parent}/metrics/loss`), '1700000002000 0.125 2\n')
    // As long as before, and another.
    await writeFile(join(folder, `mlruns/1/${parent}/artifacts/a b/ü.txt`), 'HELLO')
    const assessment = join(folder, `mlruns/1/traces/${trace}/assessments/a-1.yaml`)
    await writeFile(assessment, (await readFile(assessment, 'utf8')).replace('0.5', '0.75'))
    const report = await importing('mlflow', 'mlruns')
    assert.deepEqual([report.code, report.written, report.passedOver], [0, 2, 4])
    assert.deepEqual(counts(report, 'here'), { ...whole, 'metric points': 8 })
    const greeting = await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${place}/a%20b/%C3%BC.txt`)
    assert.equal(await greeting.text(), 'HELLO')
    await mlflow('POST', 'runs/set-tag', { run_id: parent, key: 'quote', value: 'changed' })
    assert.deepEqual(
      [(await importing('mlflow', 'mlruns')).written, (await importing('mlflow', 'mlruns')).written],
      [1, 0],
    )
    assert.equal((await (await fetch(file)).bytes()).length, 300_000)
  })

  test('what differs is named, and the command fails', async () => {
    await mlflow('POST', 'runs/set-tag', { run_id: parent, key: 'only-here', value: 'x' })
    await writeFile(join(folder, `mlruns/1/${parent}/params/lr`), '0.2')
    const report = await importing('mlflow', 'mlruns')
    assert.equal(report.code, 1)
    assert.deepEqual(
      report.differences.map(({ what, why }) => [what, /Changing param values is not allowed/.test(why)]),
      [[`run ${parent}`, true]],
    )
    await writeFile(join(folder, `mlruns/1/${parent}/params/lr`), '0.1')
    const { differences } = await importing('mlflow', 'mlruns')
    assert.deepEqual(differences, [{ what: `run ${parent}`, why: 'tags: 2 there, 3 here' }])
    await mlflow('POST', 'runs/delete-tag', { run_id: parent, key: 'only-here' })
  })

  test('what is here under the same id in another place is not brought twice', async () => {
    const report = await importing('mlflow', 'mlruns', '--prefix', 'copy-')
    assert.equal(report.code, 1)
    assert.deepEqual(
      report.differences.map(({ what }) => what.split(' ')[0]),
      ['trace', 'trace', 'run', 'run', 'logged', 'run'],
    )
  })

  test('an export holds all of it as Parquet, JSON and files, and its checksums hold', async () => {
    const { code, out, err } = await trainyard('export', 'out', '--json')
    assert.equal(code, 0, err)
    const { rows, files } = JSON.parse(out) as { rows: Record<string, number>; files: number }
    assert.deepEqual([rows['runs'], rows['metrics'], rows['artifacts'], files], [3, 8, 14, 14])
    assert.deepEqual([rows['traces'], rows['assessments'], rows['evaluation_datasets']], [2, 2, 0])
    const sums = (await readFile(join(folder, 'out/SHA256SUMS'), 'utf8')).trimEnd().split('\n')
    assert.ok(sums.length > 17)
    for (const sum of sums) {
      const [digest, path] = [sum.slice(0, 64), sum.slice(66)]
      const bytes = await readFile(join(folder, 'out', path))
      assert.equal(createHash('sha256').update(bytes).digest('hex'), digest, path)
    }

    const parquet = (table: string): string => literal(join(folder, 'out', `${table}.parquet`))
    const ask = async (query: string): Promise<readonly Row[]> => duckdb.query([query])
    assert.deepEqual(
      await ask(
        `select cast(step as varchar) as step, timestamp, cast(value as varchar) as value from ${parquet('metrics')} where key = 'val/odd' order by timestamp, step`,
      ),
      [
        { step: '0', timestamp: 5, value: 'nan' },
        { step: '1', timestamp: 5, value: '1.7976931348623157e+308' },
        { step: '2', timestamp: 5, value: '-1.7976931348623157e+308' },
        { step: '9007199254740993', timestamp: 5, value: '5e-324' },
        { step: '-3', timestamp: 7, value: '1.0' },
      ],
    )
    assert.deepEqual(await ask(`select key, value from ${parquet('params')} order by key`), [
      { key: 'lr', value: '0.1' },
      { key: 'nested/key', value: 'a\nb' },
    ])
    assert.deepEqual(
      await ask(
        `select model, version, stage, run_id, tags from ${parquet('model_versions')} where model = 'Umbrella' order by version`,
      ),
      [
        { model: 'Umbrella', version: 1, stage: 'Production', run_id: parent, tags: '{}' },
        { model: 'Umbrella', version: 3, stage: 'None', run_id: parent, tags: '{"vt":"vv"}' },
      ],
    )
    const [file] = await ask(
      `select path, size, sha256, owner_id from ${parquet('artifacts')} where path = 'a b/ü.txt'`,
    )
    assert.equal(file!['size'], 5)
    const experiment = (
      await ask(`select experiment_id as id from ${parquet('runs')} where run_id = ${literal(parent)}`)
    )[0]!['id']
    const place = join(folder, 'out/artifacts', experiment as string, parent, 'artifacts')
    assert.equal(await readFile(join(place, 'a b/ü.txt'), 'utf8'), 'HELLO')
    assert.equal((await stat(join(place, 'model/model.bin'))).size, 300_000)
    const ofVersions = await ask(
      `select owner_id, size from ${parquet('artifacts')} where owner = 'model_version' and path = 'model.bin' order by 1`,
    )
    assert.deepEqual(
      ofVersions,
      ['Umbrella/1', 'Umbrella/3', 'copy-Umbrella/1', 'copy-Umbrella/3'].map(owner_id => ({ owner_id, size: 300_000 })),
    )
    const registry = JSON.parse(await readFile(join(folder, 'out/registry.json'), 'utf8')) as {
      registered_models: { aliases: unknown }[]
    }
    assert.deepEqual(registry.registered_models[0]!.aliases, [{ alias: 'champion', version: 3 }])

    assert.match((await trainyard('export', 'out')).err, /The folder is not empty/)

    const all = await trainyard('export', 'all', '--everything', '--json')
    assert.equal(all.code, 0, all.err)
    const platform = (JSON.parse(all.out) as { rows: Record<string, number> }).rows
    assert.ok(platform['platform/edge']! > 0)
    const nodes = literal(join(folder, 'all/platform/node.parquet'))
    assert.deepEqual(await ask(`select kind, label from ${nodes} where id = ${literal(parent)}`), [
      { kind: 'tracking_run', label: 'parent' },
    ])
  })

  test("Neptune's export is brought over: params, tags, series and files", async () => {
    await writeNeptune(join(folder, 'neptune'), statements => duckdb.query(statements))
    const report = await importing('neptune', 'neptune')
    assert.deepEqual(report.differences, [])
    const { runs, params, files, ...rest } = counts(report, 'here') as Record<string, number>
    assert.deepEqual(
      { runs, params, files, points: rest['metric points'], versions: rest['model versions'] },
      { runs: 4, params: 4, files: 7, points: 9, versions: 1 },
    )
    const found = await mlflow('POST', 'runs/search', {
      experiment_ids: [await experimentId('team/proj')],
      filter: "run_name = 'R-2'",
    })
    const { info, data } = (
      found as unknown as {
        runs: { info: Record<string, unknown>; data: Record<string, { key: string; value: unknown }[]> }[]
      }
    ).runs[0]!
    assert.deepEqual([info['status'], info['user_id'], info['start_time']], ['FAILED', 'ann', 1_700_000_000_000])
    assert.deepEqual(data['params'], [
      { key: 'lr', value: '0.1' },
      { key: 'n', value: '7' },
    ])
    const { model_version } = (await mlflow('GET', 'model-versions/get?name=P-MOD&version=3')) as unknown as {
      model_version: Record<string, unknown>
    }
    const { run: made } = (await mlflow('GET', `runs/get?run_id=${String(model_version['run_id'])}`)) as unknown as {
      run: { info: Record<string, unknown>; data: { tags: { key: string; value: string }[] } }
    }
    assert.deepEqual(
      [model_version['current_stage'], model_version['source'], made.info['run_name']],
      ['Staging', `runs:/${String(made.info['run_id'])}`, 'P-MOD-3'],
    )
    assert.deepEqual(made.data.tags.find(({ key }) => key === 'neptune.kind')?.value, 'model_version')
    assert.equal((await importing('neptune', 'neptune')).passedOver, 4)
    const fractional = await importing('neptune', 'halves')
    assert.equal(fractional.code, 1)
    assert.match(fractional.differences[0]!.why, /--step-multiplier/)
    assert.equal((await importing('neptune', 'halves', '--step-multiplier', '2')).code, 0)
  })

  async function experimentId(name: string): Promise<string> {
    const answer = await mlflow('GET', `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`)
    return (answer as unknown as { experiment: { experiment_id: string } }).experiment.experiment_id
  }

  test('of two experiments with one name the second gets its id behind it, each time that is said', async () => {
    await writeFiles(join(folder, 'twins'), twinFiles)
    const reports = []
    for (const _ of ['first', 'again']) {
      const { code, differences, written, passedOver } = await importing('mlflow', 'twins', '--project', 'twins')
      reports.push({ code, differences, written, passedOver })
    }

    const found = await fetch(`${server.url}/api/v1/experiments`)
    const { items } = (await found.json()) as { items: readonly { project: string; name: string; runs: number }[] }
    assert.deepEqual(reports, [
      { code: 0, differences: [], written: 2, passedOver: 0 },
      { code: 0, differences: [], written: 0, passedOver: 2 },
    ])
    const counted = items.filter(({ project, runs }) => project === 'twins' && runs > 0)
    assert.deepEqual(Object.fromEntries(counted.map(({ name, runs }) => [name, runs])), { twin: 1, 'twin (8)': 1 })
  })

  test('what cannot be imported is said before anything is done', async () => {
    assert.match((await trainyard('import', 'wandb', 'mlruns')).err, /system = "wandb": mlflow, neptune/)
    assert.match((await trainyard('import', 'mlflow', 'nowhere')).err, /There is nothing to import/)
    assert.match((await trainyard('import', 'neptune', 'mlruns')).err, /This is no export of Neptune/)
    assert.match((await trainyard('import', 'mlflow', 'mlruns', '--parallel', '0')).err, /a whole number from 1/)
  })
})
