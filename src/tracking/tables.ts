import type { Int64 } from '#kernel/int64.ts'
import type { Migration } from '#storage'

/**
 * Experiments and runs. Runs and keys have short numbers inside the database: the tables of points, params and tags
 * have many rows for each. `experiment` and `started_at` of a run never change, and are repeated where an index needs
 * them to answer a search in its order.
 */
export type TrackingTables = {
  /** The last number given: `experiment`, `run`, `key`, `dataset`. */
  tracking_counter: { name: string; last: number }
  tracking_experiment: {
    id: number
    project: string
    name: string
    artifact_location: string
    lifecycle: string
    created_at: number
    updated_at: number
    deleted_at: number | null
  }
  tracking_experiment_tag: { experiment: number; key: string; value: string }
  tracking_run: {
    seq: number
    id: string
    experiment: number
    project: string
    name: string
    user_id: string
    /** In MLflow's words, which searches compare with. */
    status: string
    lifecycle: string
    artifact_uri: string
    /** The workflow run and task whose code it tracks. */
    run: string | null
    task: string | null
    started_at: number
    ended_at: number | null
    deleted_at: number | null
    /** 1 once there are blocks: a late point must then end the block that it belongs to. */
    has_blocks: number
  }
  /** A key of metrics, params or tags; `json` is its name as JSON text. */
  tracking_key: { id: number; name: string; json: string }
  tracking_param: KeyedText
  tracking_tag: KeyedText
  /** The point of each metric with the greatest (step, timestamp, value). NaN has value 0 and `is_nan` 1. */
  tracking_latest: Point & { experiment: number; started_at: number }
  /** Points, on SQLite all. `span` is of the timestamp, and keeps together what is measured together; see {@link spanOf}. */
  tracking_point: Point & { span: number }
  /** On PostgreSQL points of a metric that came together; see chunk.ts. All bounds are included. */
  tracking_chunk: {
    run: number
    key: number
    from_at: number
    to_at: number
    from_step: Int64
    to_step: Int64
    timestamps: readonly number[]
    steps: readonly Int64[]
    /** A NaN is one. */
    values: readonly number[]
  }
  /** What some hundred points of a metric that follow each other in time come to; see blocks.ts. */
  tracking_block: {
    run: number
    key: number
    from_at: number
    /** Exclusive. */
    to_at: number
    from_step: Int64
    to_step: Int64
    /** Of the points that are numbers; null when none is. */
    low: number | null
    high: number | null
    last_at: number
    last_step: Int64
    last_value: number
    last_is_nan: number
    points: number
  }
  tracking_dataset: {
    id: number
    experiment: number
    name: string
    digest: string
    source_type: string
    source: string
    schema: string | null
    profile: string | null
  }
  /** Runs that are gone, and whose points are still to be removed. */
  tracking_purged: { run: number }
  /** A dataset that a run read. `tags` is JSON; `context` is the tag `mlflow.data.context`. */
  tracking_input: { run: number; dataset: number; position: number; tags: string; context: string | null }
  /** A logged model that a run read or made. */
  tracking_model_link: { run: number; direction: string; model: string; step: Int64; position: number }
}

type KeyedText = { run: number; key: number; value: string; experiment: number; started_at: number }
type Point = { run: number; key: number; step: Int64; timestamp: number; value: number; is_nan: number }

/**
 * About a second. A run logs its metrics side by side, and the rows of one span lie together: a batch of a thousand
 * metrics writes a few pages, not one for each metric, and a history reads one place for each second of the run.
 */
export const spanOf = (timestamp: number): number => Math.floor(timestamp / 1_024)

/** A table whose rows lie in the order of their primary key, where the engine has such. */
const clustered = (table: string): { sqlite: string; postgres: string } => ({
  sqlite: `${table} without rowid`,
  postgres: table,
})

const keyedText = (table: string): Migration['statements'] => [
  clustered(`create table ${table} (
     run bigint not null, key bigint not null, value text not null, experiment bigint not null,
     started_at bigint not null, primary key (run, key))`),
  `create index ${table}_value on ${table} (experiment, key, substr(value, 1, 200), started_at desc, run)`,
]

/** SQLite has a row of an `integer primary key` in its place, without an index beside. */
const runTable = (number: string): string =>
  `create table tracking_run (
     seq ${number} primary key, id text not null unique, experiment bigint not null references tracking_experiment,
     project text not null, name text not null, user_id text not null, status text not null, lifecycle text not null,
     artifact_uri text not null, run text, task text, started_at bigint not null, ended_at bigint,
     deleted_at bigint, has_blocks bigint not null default 0)`

const oldKeys = (json: string): string =>
  `insert into tracking_key (id, name, json)
   select row_number() over (order by name), name, ${json}
   from (select name from old_tracking_param union select name from old_tracking_metric
         union select 'mlflow.runName') as names`

export const trackingMigrations: readonly Migration[] = [
  {
    name: 'tracking-001',
    statements: [
      // The tables that metadata-001 made: their rows are taken over by tracking-002.
      `drop index tracking_run_experiment`,
      `drop index tracking_run_project`,
      `alter table tracking_run rename to old_tracking_run`,
      `alter table tracking_param rename to old_tracking_param`,
      `alter table tracking_metric rename to old_tracking_metric`,
      `drop table tracking_latest`,
      `create table tracking_counter (name text primary key, last bigint not null)`,
      `create table tracking_experiment (
         id bigint primary key, project text not null, name text not null unique, artifact_location text not null,
         lifecycle text not null, created_at bigint not null, updated_at bigint not null, deleted_at bigint)`,
      `create index tracking_experiment_created on tracking_experiment (created_at desc, id)`,
      `create index tracking_experiment_project on tracking_experiment (project, id)`,
      clustered(`create table tracking_experiment_tag (
         experiment bigint not null references tracking_experiment, key text not null, value text not null,
         primary key (experiment, key))`),
      { sqlite: runTable('integer'), postgres: runTable('bigint') },
      `create index tracking_run_started on tracking_run (experiment, lifecycle, started_at desc, seq)`,
      `create index tracking_run_ended on tracking_run (experiment, ended_at, started_at desc, seq)`,
      `create index tracking_run_name on tracking_run (experiment, substr(name, 1, 200), started_at desc, seq)`,
      `create index tracking_run_status on tracking_run (experiment, status, started_at desc, seq)`,
      `create index tracking_run_user on tracking_run (experiment, substr(user_id, 1, 200), started_at desc, seq)`,
      `create index tracking_run_project on tracking_run (project, seq)`,
      `create index tracking_run_task on tracking_run (task)`,
      `create index tracking_run_deleted on tracking_run (deleted_at) where deleted_at is not null`,
      `create table tracking_key (id bigint primary key, name text not null unique, json text not null)`,
      ...keyedText('tracking_param'),
      ...keyedText('tracking_tag'),
      clustered(`create table tracking_latest (
         run bigint not null, key bigint not null, step bigint not null, timestamp bigint not null,
         value double precision not null, is_nan bigint not null, experiment bigint not null,
         started_at bigint not null, primary key (run, key))`),
      `create index tracking_latest_value on tracking_latest (experiment, key, is_nan, value, started_at desc, run)`,
      clustered(`create table tracking_point (
         run bigint not null, span bigint not null, key bigint not null, timestamp bigint not null,
         step bigint not null, value double precision not null, is_nan bigint not null,
         primary key (run, span, key, timestamp, step, value, is_nan))`),
      clustered(`create table tracking_block (
         run bigint not null, key bigint not null, from_at bigint not null, to_at bigint not null,
         from_step bigint not null, to_step bigint not null, low double precision, high double precision,
         last_at bigint not null, last_step bigint not null, last_value double precision not null, last_is_nan bigint not null,
         points bigint not null, primary key (run, key, from_at))`),
      `create table tracking_dataset (
         id bigint primary key, experiment bigint not null references tracking_experiment, name text not null,
         digest text not null, source_type text not null, source text not null, schema text, profile text)`,
      `create unique index tracking_dataset_digest on tracking_dataset (experiment, name, digest)`,
      clustered(`create table tracking_input (
         run bigint not null, dataset bigint not null references tracking_dataset, position bigint not null,
         tags text not null, context text, primary key (run, dataset))`),
      `create index tracking_input_dataset on tracking_input (dataset, run)`,
      clustered(`create table tracking_model_link (
         run bigint not null, direction text not null, model text not null, step bigint not null,
         position bigint not null, primary key (run, direction, model, step))`),
      `create index tracking_model_link_model on tracking_model_link (model)`,
    ],
  },
  {
    name: 'tracking-002',
    statements: [
      `insert into tracking_experiment (id, project, name, artifact_location, lifecycle, created_at, updated_at)
       values (0, 'default', 'Default', 'mlflow-artifacts:/0', 'active', 0, 0)`,
      `insert into tracking_experiment (id, project, name, artifact_location, lifecycle, created_at, updated_at)
       select n, project, project || '/' || experiment, 'mlflow-artifacts:/' || n, 'active', at, at
       from (select project, experiment, min(started_at) as at, row_number() over (order by project, experiment) as n
             from old_tracking_run group by project, experiment) as found`,
      `insert into tracking_run (seq, id, experiment, project, name, user_id, status, lifecycle, artifact_uri, run, task,
         started_at, ended_at)
       select row_number() over (order by old.id), old.id, e.id, old.project, old.name, 'trainyard', upper(old.state),
         'active', 'mlflow-artifacts:/' || e.id || '/' || old.id || '/artifacts', old.run, old.task, old.started_at,
         old.ended_at
       from old_tracking_run as old
       join tracking_experiment as e on e.name = old.project || '/' || old.experiment`,
      { sqlite: oldKeys('json_quote(name)'), postgres: oldKeys('to_json(name)::text') },
      `insert into tracking_param (run, key, value, experiment, started_at)
       select r.seq, k.id, old.value, r.experiment, r.started_at
       from old_tracking_param as old
       join tracking_run as r on r.id = old.tracking_run join tracking_key as k on k.name = old.name`,
      `insert into tracking_tag (run, key, value, experiment, started_at)
       select r.seq, k.id, r.name, r.experiment, r.started_at
       from tracking_run as r join tracking_key as k on k.name = 'mlflow.runName'`,
      `insert into tracking_point (run, span, key, timestamp, step, value, is_nan)
       select r.seq, old.at / 1024, k.id, old.at, old.step, old.value, 0
       from old_tracking_metric as old
       join tracking_run as r on r.id = old.tracking_run join tracking_key as k on k.name = old.name`,
      `insert into tracking_latest (run, key, step, timestamp, value, is_nan, experiment, started_at)
       select p.run, p.key, p.step, p.timestamp, p.value, 0, r.experiment, r.started_at
       from tracking_point as p join tracking_run as r on r.seq = p.run
       where p.step = (select max(later.step) from tracking_point as later
                       where later.run = p.run and later.key = p.key)`,
      `insert into node (id, kind, label, project, at, facts)
       select id, 'tracking_run', name, project, started_at, '{}' from tracking_run`,
      // As the ledger's tables are since metadata-004, which every database comes to before this step.
      `insert into node (id) select distinct task from tracking_run
       where task is not null and not exists (select 1 from node where node.id = task)`,
      `insert into edge (downstream, upstream, relation)
       select d.number, u.number, 'made_by' from tracking_run
       join node as d on d.id = tracking_run.id join node as u on u.id = task`,
      `insert into tracking_counter (name, last) select 'experiment', max(id) from tracking_experiment`,
      `insert into tracking_counter (name, last) select 'run', coalesce(max(seq), 0) from tracking_run`,
      `insert into tracking_counter (name, last) select 'key', max(id) from tracking_key`,
      `insert into tracking_counter (name, last) values ('dataset', 0)`,
      `drop table old_tracking_metric`,
      `drop table old_tracking_param`,
      `drop table old_tracking_run`,
    ],
  },
  { name: 'tracking-003', statements: [`create table tracking_purged (run bigint primary key)`] },
  {
    name: 'tracking-004',
    // A name is one of a project. SQLite cannot drop a constraint: the table is made again, and what refers to it waits.
    statements: [
      { postgres: `alter table tracking_experiment drop constraint tracking_experiment_name_key` },
      { postgres: `alter table tracking_experiment add unique (project, name)` },
      { sqlite: `pragma defer_foreign_keys = on` },
      { sqlite: `create table kept_experiment as select * from tracking_experiment` },
      { sqlite: `drop table tracking_experiment` },
      {
        sqlite: `create table tracking_experiment (
          id bigint primary key, project text not null, name text not null, artifact_location text not null,
          lifecycle text not null, created_at bigint not null, updated_at bigint not null, deleted_at bigint,
          unique (project, name))`,
      },
      { sqlite: `insert into tracking_experiment select * from kept_experiment` },
      { sqlite: `drop table kept_experiment` },
      { sqlite: `create index tracking_experiment_created on tracking_experiment (created_at desc, id)` },
      { sqlite: `create index tracking_experiment_project on tracking_experiment (project, id)` },
    ],
  },
  {
    name: 'tracking-005',
    statements: [
      {
        postgres: `create table tracking_chunk (
          run bigint not null, key bigint not null, from_at bigint not null, to_at bigint not null,
          from_step bigint not null, to_step bigint not null,
          timestamps bigint[] not null, steps bigint[] not null, values double precision[] not null,
          id bigint generated always as identity, primary key (run, key, to_at, from_at, id))`,
      },
      // Three lie in a page. Beside the table, or compressed, they would cost more to write than they spare.
      ...['timestamps', 'steps', 'values'].map(column => ({
        postgres: `alter table tracking_chunk alter column ${column} set storage plain`,
      })),
    ],
  },
]
