import type { Migration } from '#storage'

export type RegistryTables = {
  /** One row per registered model. Whoever numbers or moves a version, or moves an alias, holds this row. */
  registry_model: {
    id: string
    project: string
    name: string
    /** The name that MLflow's clients use. Unique among those that are not deleted, as (project, name) is. */
    full_name: string
    description: string
    user_name: string
    /** 1: has had a version that the platform evaluated, so that production is behind the gate for good. */
    gated: number
    last_version: number
    created_at: number
    updated_at: number
    deleted_at: number | null
  }
  registry_evaluation: {
    id: string
    /** Of the task that made it: a second try answers the first one's. */
    key: string
    project: string
    model: string
    /** Of the model that was judged. */
    model_digest: string
    digest: string
    signature: string
    evaluation: string
    training_set: string | null
    created_at: number
  }
  registry_version: {
    id: string
    /** Of the task that made it; null of versions that clients registered. */
    key: string | null
    model_id: string
    version: number
    stage: string
    content: string
    digest: string | null
    bytes: number | null
    flavor: string | null
    source: string
    signature: string | null
    input_example: string | null
    evaluation: string | null
    training_set: string | null
    run: string | null
    tracking_run: string | null
    logged_model: string | null
    run_link: string | null
    code: string | null
    commit_id: string | null
    environment: string | null
    description: string
    user_name: string
    created_at: number
    updated_at: number
    deleted_at: number | null
  }
  registry_transition: {
    id: string
    version: string
    from_stage: string
    to_stage: string
    actor: string
    reason: string
    digest: string | null
    at: number
  }
  registry_alias: { model_id: string; alias: string; version: string }
  registry_alias_move: {
    id: string
    model_id: string
    alias: string
    from_version: number | null
    to_version: number | null
    actor: string
    reason: string
    digest: string | null
    at: number
  }
  registry_model_tag: { model_id: string; key: string; value: string }
  registry_version_tag: { version: string; key: string; value: string }
}

/** Tables that tell what was decided about bytes, which may be gone. */
export const registryRecords = ['registry_transition', 'registry_alias_move'] as const

/** A deleted version is a tombstone: it says what its files were, and does not keep them. */
export const registryRows = {
  registry_version:
    'deleted_at is null and not exists (select 1 from registry_model as m where m.id = model_id and m.deleted_at is not null)',
} as const

export const registryMigrations: readonly Migration[] = [
  {
    name: 'registry-001',
    statements: [
      `create table registry_model (project text not null, name text not null, last_version bigint not null, primary key (project, name))`,
      `create table registry_evaluation (
         id text primary key, key text not null unique, project text not null, model text not null, model_digest text not null,
         digest text not null, signature text not null, evaluation text not null, training_set text, created_at bigint not null)`,
      `create index registry_evaluation_digest on registry_evaluation (digest)`,
      `create table registry_version (
         id text primary key, key text not null unique, project text not null, model text not null, version bigint not null,
         stage text not null, digest text not null, bytes bigint not null, signature text not null, evaluation text not null,
         training_set text, run text not null, code text, commit_id text, environment text, created_at bigint not null,
         unique (project, model, version))`,
      `create unique index registry_version_production on registry_version (project, model) where stage = 'production'`,
      `create table registry_transition (
         id text primary key, version text not null references registry_version, from_stage text not null,
         to_stage text not null, actor text not null, reason text not null, at bigint not null)`,
      `create index registry_transition_version on registry_transition (version, id)`,
    ],
  },
  {
    // Columns become optional, names may change and be used again: SQLite does that in new tables only.
    name: 'registry-002',
    statements: [
      `create table registry_model_2 (
         id text primary key, project text not null, name text not null, full_name text not null, description text not null,
         user_name text not null, gated bigint not null, last_version bigint not null, created_at bigint not null,
         updated_at bigint not null, deleted_at bigint)`,
      `insert into registry_model_2 select 'mdl_' || m.project || '.' || m.name, m.project, m.name,
         case when m.project = 'default' then m.name else m.project || '.' || m.name end, '', 'trainyard', 1, m.last_version,
         coalesce((select min(created_at) from registry_version v where v.project = m.project and v.model = m.name), 0),
         coalesce((select max(created_at) from registry_version v where v.project = m.project and v.model = m.name), 0), null
         from registry_model m`,
      `drop table registry_model`,
      `alter table registry_model_2 rename to registry_model`,
      `create unique index registry_model_name on registry_model (project, name) where deleted_at is null`,
      `create unique index registry_model_full_name on registry_model (full_name) where deleted_at is null`,
      `create index registry_model_updated on registry_model (updated_at)`,

      `create table registry_version_2 (
         id text primary key, key text unique, model_id text not null references registry_model, version bigint not null,
         stage text not null, content text not null, digest text, bytes bigint, flavor text, source text not null,
         signature text, input_example text, evaluation text, training_set text, run text, tracking_run text, logged_model text, run_link text,
         code text, commit_id text, environment text, description text not null, user_name text not null,
         created_at bigint not null, updated_at bigint not null, deleted_at bigint, unique (model_id, version))`,
      `insert into registry_version_2 select v.id, v.key, m.id, v.version, v.stage, 'onnx', v.digest, v.bytes, 'onnx',
         'mlflow-artifacts:/model-versions/' || v.id, v.signature, null, v.evaluation, v.training_set, v.run, null, null, null,
         v.code, v.commit_id, v.environment, '', 'trainyard', v.created_at,
         coalesce((select max(at) from registry_transition t where t.version = v.id), v.created_at), null
         from registry_version v join registry_model m on m.project = v.project and m.name = v.model`,
      `create table registry_transition_2 (
         id text primary key, version text not null references registry_version_2, from_stage text not null,
         to_stage text not null, actor text not null, reason text not null, digest text, at bigint not null)`,
      `insert into registry_transition_2 select t.id, t.version, t.from_stage, t.to_stage, t.actor, t.reason, v.digest, t.at
         from registry_transition t join registry_version v on v.id = t.version`,
      `drop table registry_transition`,
      `drop table registry_version`,
      `alter table registry_version_2 rename to registry_version`,
      `alter table registry_transition_2 rename to registry_transition`,
      `create index registry_transition_version on registry_transition (version, id)`,
      // Of versions behind a gate one is in production; plain MLflow keeps as many as it likes.
      `create unique index registry_version_production on registry_version (model_id)
         where stage = 'production' and evaluation is not null`,
      `create index registry_version_stage on registry_version (model_id, stage, version)`,
      `create index registry_version_updated on registry_version (updated_at)`,
      `create index registry_version_tracking_run on registry_version (tracking_run)`,

      `create table registry_alias (
         model_id text not null references registry_model, alias text not null,
         version text not null references registry_version, primary key (model_id, alias))`,
      `create index registry_alias_version on registry_alias (version)`,
      `create table registry_alias_move (
         id text primary key, model_id text not null references registry_model, alias text not null, from_version bigint,
         to_version bigint, actor text not null, reason text not null, digest text, at bigint not null)`,
      `create index registry_alias_move_model on registry_alias_move (model_id, id)`,
      `create table registry_model_tag (
         model_id text not null references registry_model, key text not null, value text not null,
         primary key (model_id, key))`,
      `create index registry_model_tag_key on registry_model_tag (key)`,
      `create table registry_version_tag (
         version text not null references registry_version, key text not null, value text not null,
         primary key (version, key))`,
      `create index registry_version_tag_key on registry_version_tag (key)`,
    ],
  },
]
