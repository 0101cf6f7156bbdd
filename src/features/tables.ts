import type { Migration } from '#storage'

export type FeatureTables = {
  feature_view: { project: string; view: string; last_version: number; announced: string | null }
  feature_version: {
    id: string
    project: string
    view: string
    version: number
    digest: string
    transform: string
    engineer: string
    dataset: string
    rows: number
    columns: string
    from_time: number | null
    to_time: number | null
    run: string | null
    created_at: number
  }
  training_set: {
    id: string
    project: string
    recipe: string
    service: string
    label: string
    digest: string
    features: string
    dataset: string
    feature_versions: string
    requests: string | null
    rows: number
    run: string | null
    created_at: number
  }
}

export const featureMigrations: readonly Migration[] = [
  {
    name: 'features-001',
    statements: [
      // The counter of versions, and the key of the task that announced a materialisation last.
      `create table feature_view (
        project text not null,
        view text not null,
        last_version bigint not null,
        announced text,
        primary key (project, view)
      )`,
      // digest: Parquet; transform, engineer: digests of the rules; columns: JSON; times: of the rows, in milliseconds.
      `create table feature_version (
        id text primary key,
        project text not null,
        view text not null,
        version bigint not null,
        digest text not null,
        transform text not null,
        engineer text not null,
        dataset text not null,
        rows bigint not null,
        columns text not null,
        from_time bigint,
        to_time bigint,
        run text,
        created_at bigint not null,
        unique (project, view, version)
      )`,
      `create index feature_version_dataset on feature_version (project, view, dataset)`,
      // recipe: digest of all that the rows follow from.
      `create table training_set (
        id text primary key,
        project text not null,
        recipe text not null,
        service text not null,
        label text not null,
        digest text not null,
        features text not null,
        dataset text not null,
        feature_versions text not null,
        rows bigint not null,
        run text,
        created_at bigint not null,
        unique (project, recipe)
      )`,
    ],
  },
  // JSON: the request views that its rows were computed with.
  { name: 'features-002', statements: [`alter table training_set add column requests text`] },
]

export type OnlineTables = {
  online_row: {
    project: string
    feature_view: string
    entity_key: string
    event_time: number
    data: string
    version: string
  }
  online_view: {
    project: string
    feature_view: string
    version: string | null
    number: number | null
    to_time: number | null
    retention_ms: number | null
    rows: number
    pending: string | null
  }
}

/** The online store has a database of its own: these are not among the migrations of the state. */
export const onlineMigrations: readonly Migration[] = [
  {
    name: 'online-001',
    statements: [
      // data: the values as JSON; version: the feature version that wrote the row last.
      `create table online_row (
        project text not null,
        feature_view text not null,
        entity_key text not null,
        event_time bigint not null,
        data text not null,
        version text not null,
        primary key (project, feature_view, entity_key, event_time)
      )`,
      // pending: who is changing the rows.
      `create table online_view (
        project text not null,
        feature_view text not null,
        version text,
        number bigint,
        to_time bigint,
        retention_ms bigint,
        rows bigint not null,
        pending text,
        primary key (project, feature_view)
      )`,
    ],
  },
]
