import type { Migration } from '#storage'

export type DataTables = {
  data_source: {
    project: string
    source: string
    last_version: number
    contract: string | null
    arrived_digest: string | null
    arrived_bytes: number | null
    arrived_at: number | null
    watched: string | null
  }
  dataset_version: {
    id: string
    project: string
    source: string
    version: number
    digest: string
    raw: string | null
    origin: string
    rows: number
    bytes: number
    columns: string
    verdict: string
    violations: string
    validated_by: string | null
    run: string | null
    created_at: number
  }
}

export const dataMigrations: readonly Migration[] = [
  {
    name: 'data-001',
    statements: [
      // What is known of a declared source: its counter of versions, its contract (JSON), the bytes that arrived last,
      // and the state (`mtime:size`) in which the watcher has last seen its file.
      `create table data_source (
        project text not null,
        source text not null,
        last_version bigint not null,
        contract text,
        arrived_digest text,
        arrived_bytes bigint,
        arrived_at bigint,
        watched text,
        primary key (project, source)
      )`,
      // digest: Parquet; raw: the bytes at the source; columns, violations: JSON; validated_by: key of the task.
      `create table dataset_version (
        id text primary key,
        project text not null,
        source text not null,
        version bigint not null,
        digest text not null,
        raw text,
        origin text not null,
        rows bigint not null,
        bytes bigint not null,
        columns text not null,
        verdict text not null,
        violations text not null,
        validated_by text,
        run text,
        created_at bigint not null,
        unique (project, source, version)
      )`,
    ],
  },
]
