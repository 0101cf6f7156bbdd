import type { Int64 } from '#kernel/int64.ts'
import type { Migration } from '#storage'

export type LoggedModelTables = {
  logged_model: {
    id: string
    experiment: string
    project: string
    name: string
    model_type: string | null
    source_run: string | null
    status: string
    lifecycle: string
    artifact_uri: string
    created_at: number
    updated_at: number
  }
  logged_model_param: { model: string; key: string; value: string }
  logged_model_tag: { model: string; key: string; value: string }
  /** `point`: digest of all that makes it this point. `dataset_name` and `dataset_digest` are empty where there is none. */
  logged_model_metric: {
    model: string
    point: string
    key: string
    value: number
    nan: number
    at: number
    step: Int64
    run: string
    dataset_name: string
    dataset_digest: string
  }
}

export const loggedModelMigrations: readonly Migration[] = [
  {
    name: 'logged-models-001',
    statements: [
      `create table logged_model (
         id text primary key, experiment text not null, project text not null, name text not null, model_type text,
         source_run text, status text not null, lifecycle text not null, artifact_uri text not null,
         created_at bigint not null, updated_at bigint not null)`,
      `create index logged_model_experiment on logged_model (experiment, lifecycle, created_at, id)`,
      `create index logged_model_run on logged_model (source_run)`,
      `create table logged_model_param (
         model text not null references logged_model, key text not null, value text not null, primary key (model, key))`,
      `create table logged_model_tag (
         model text not null references logged_model, key text not null, value text not null, primary key (model, key))`,
      `create table logged_model_metric (
         model text not null references logged_model, point text not null, key text not null, value double precision not null,
         nan bigint not null, at bigint not null, step bigint not null, run text not null,
         dataset_name text not null, dataset_digest text not null, primary key (model, point))`,
      `create index logged_model_metric_latest on logged_model_metric (model, key, at, step)`,
    ],
  },
]
