import type { Migration } from '#storage'

export type LedgerTables = {
  node: { id: string; kind: string; label: string; project: string; at: number; facts: string }
  edge: { downstream: string; upstream: string; relation: string }
  /** Nodes that are bytes, by what they are. */
  node_digest: { digest: string; node: string }
  openlineage_event: { key: string; at: number }
}

/** Tables of the lineage, which outlives the bytes that it names. */
export const ledgerRecords = ['node', 'edge', 'node_digest', 'openlineage_event'] as const

export const metadataMigrations: readonly Migration[] = [
  {
    name: 'metadata-001',
    statements: [
      `create table node (id text primary key, kind text not null, label text not null, project text not null, at bigint not null, facts text not null)`,
      `create table edge (downstream text not null, upstream text not null, relation text not null, primary key (downstream, upstream, relation))`,
      `create index edge_upstream on edge (upstream, downstream)`,
      `create table tracking_run (
         id text primary key, project text not null, experiment text not null, name text not null, state text not null,
         run text, task text, started_at bigint not null, ended_at bigint)`,
      `create index tracking_run_experiment on tracking_run (project, experiment, id)`,
      `create index tracking_run_project on tracking_run (project, id)`,
      `create table tracking_param (tracking_run text not null references tracking_run, name text not null, value text not null, primary key (tracking_run, name))`,
      `create table tracking_metric (
         tracking_run text not null references tracking_run, name text not null, step bigint not null,
         value double precision not null, at bigint not null, primary key (tracking_run, name, step))`,
      `create table tracking_latest (
         tracking_run text not null references tracking_run, name text not null, step bigint not null,
         value double precision not null, primary key (tracking_run, name))`,
    ],
  },
  {
    name: 'metadata-002',
    statements: [
      `create table node_digest (digest text not null, node text not null references node, primary key (digest, node))`,
      `create table openlineage_event (key text primary key, at bigint not null)`,
    ],
  },
  {
    name: 'metadata-003',
    statements: [
      `drop index edge_upstream`,
      // The whole edge, as in the primary key: a walk reads nothing but an index in either direction.
      `create index edge_upstream on edge (upstream, downstream, relation)`,
    ],
  },
]
