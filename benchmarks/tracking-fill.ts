/** A great many rows put into a database past the API: their number is what is measured, not their way in. */
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import type { Place } from './contenders.ts'
import { ask, createCall } from './load.ts'

const metrics = ['acc', 'loss', 'f1', 'auc', 'seconds']
const params = ['net', 'lr', 'seed']
const tags = ['team', 'host']

/** Fills an empty place with `count` runs of 5 metrics, 3 params and 3 tags in one experiment, and gives its id. */
export async function fillMillion(place: Place, count: number): Promise<string> {
  const server = await place.start()
  const call = createCall(server.url)
  const { experiment_id: experiment } = await ask<{ experiment_id: string }>(call, 'experiments/create', {
    name: 'many',
  })
  // One run through the API makes the keys.
  const { run } = await ask<{ run: { info: { run_id: string } } }>(call, 'runs/create', {
    experiment_id: experiment,
    start_time: 1,
  })
  await ask(call, 'runs/log-batch', {
    run_id: run.info.run_id,
    metrics: metrics.map(key => ({ key, value: 0, timestamp: 1, step: 1 })),
    params: params.map(key => ({ key, value: 'x' })),
    tags: tags.map(key => ({ key, value: 'x' })),
  })
  await server.stop()
  const isPostgres = server.database.startsWith('postgres')
  await execute(server.database, statements(Number(experiment), count, isPostgres))
  return experiment
}

/** `points` points of the metric `loss` of each run in MLflow's table, where its API would take an hour. */
export const mlflowPoints = (runs: readonly string[], points: number, isPostgres: boolean): readonly string[] =>
  runs.map(
    run => `insert into metrics (key, value, timestamp, run_uuid, step, is_nan)
      select 'loss', ((i * 7919) % 1000003) / 1000003.0, 1700000000000 + i * 10, '${run}', i, ${isPostgres ? 'false' : '0'}
      from (${series(points, isPostgres)}) as numbers`,
  )

const series = (count: number, isPostgres: boolean): string =>
  isPostgres
    ? `select i from generate_series(1::bigint, ${count}) as i`
    : `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) select i from n`

const list = (names: readonly string[]): string => names.map(name => `'${name}'`).join()

/** Values go round by prime steps: every metric has its own order over the runs, and 1,000,003 values. */
function statements(experiment: number, count: number, isPostgres: boolean): readonly string[] {
  const id = isPostgres ? `lpad(to_hex(i), 32, '0')` : `printf('%032x', i)`
  const made = `from tracking_run as r cross join tracking_key as k where r.experiment = ${experiment} and r.seq > 1000`
  const value = `((r.seq * 7919 + k.id * 104729 + r.seq % 97 * k.id * 31337) % 1000003) / 1000003.0`
  const text = (table: string, names: readonly string[], word: string): string =>
    `insert into ${table} (run, key, value, experiment, started_at)
     select r.seq, k.id, ${word}, r.experiment, r.started_at ${made} and k.name in (${list(names)}) order by r.seq, k.id`
  return [
    `insert into tracking_run (seq, id, experiment, project, name, user_id, status, lifecycle, artifact_uri, run, task,
       started_at, ended_at, deleted_at, has_blocks)
     select 1000 + i, ${id}, ${experiment}, 'default', 'run ' || i, 'ann', 'FINISHED', 'active',
       'mlflow-artifacts:/${experiment}/' || ${id} || '/artifacts', null, null, 1700000000000 + i * 1000,
       1700000000000 + i * 1000 + 500, null, 0 from (${series(count, isPostgres)}) as numbers`,
    `insert into tracking_latest (run, key, step, timestamp, value, is_nan, experiment, started_at)
     select r.seq, k.id, 1, r.started_at, ${value}, 0, r.experiment, r.started_at ${made} and k.name in (${list(metrics)})
     order by r.seq, k.id`,
    text('tracking_param', params, `'net ' || ((r.seq * 31 + k.id) % 20)`),
    text('tracking_tag', tags, `'team ' || ((r.seq * 37 + k.id) % 20)`),
    text('tracking_tag', ['mlflow.runName'], 'r.name'),
    `update tracking_counter set last = ${count + 1000} where name = 'run'`,
    // What autovacuum does within a minute of such a load: until then each row of an index is looked up in its table.
    isPostgres ? 'vacuum analyze' : 'analyze',
  ]
}

export async function execute(database: string, statements: readonly string[]): Promise<void> {
  if (!database.startsWith('postgres')) {
    const file = new DatabaseSync(database)
    file.exec('pragma cache_size = -500000')
    for (const statement of statements) file.exec(statement)
    file.close()
    return
  }
  const client = new Client({ connectionString: database })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}
