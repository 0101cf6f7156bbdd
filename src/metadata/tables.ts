import type { Generated } from 'kysely'
import type { Migration } from '#storage'

export type LedgerTables = {
  /** Without a kind (`''`) an id that edges name and that nobody has recorded. */
  node: {
    number: Generated<number>
    id: string
    kind: string
    label: string
    project: string
    at: number
    facts: string
  }
  /** Both ends by their number: a walk compares and carries eight bytes instead of forty. */
  edge: { downstream: number; upstream: number; relation: string }
  /** Nodes that are bytes, by what they are. */
  node_digest: { digest: string; node: number }
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
  {
    name: 'metadata-004',
    // Nodes get numbers, and edges lead from number to number.
    statements: [
      ...['node', 'edge', 'node_digest'].flatMap(table => [
        `alter table ${table} rename to old_${table}`,
        { postgres: `alter index ${table}_pkey rename to old_${table}_pkey` },
      ]),
      { sqlite: nodeTable('integer'), postgres: nodeTable('bigint generated always as identity') },
      `insert into node (id, kind, label, project, at, facts)
       select id, kind, label, project, at, facts from old_node order by at, id`,
      `create unique index node_id on node (id)`,
      `insert into node (id)
       select id from (select downstream as id from old_edge union select upstream from old_edge) as ends
       where not exists (select 1 from old_node where old_node.id = ends.id) order by id`,
      `create table edge (
         downstream bigint not null, upstream bigint not null, relation text not null,
         primary key (downstream, upstream, relation))`,
      `insert into edge (downstream, upstream, relation)
       select d.number, u.number, relation from old_edge
       join node as d on d.id = old_edge.downstream join node as u on u.id = old_edge.upstream order by 1, 2, 3`,
      `drop index edge_upstream`,
      `create index edge_upstream on edge (upstream, downstream, relation)`,
      `create table node_digest (
         digest text not null, node bigint not null references node, primary key (digest, node))`,
      `insert into node_digest (digest, node)
       select digest, number from old_node_digest join node on node.id = old_node_digest.node`,
      ...['node_digest', 'edge', 'node'].map(table => `drop table old_${table}`),
    ],
  },
]

function nodeTable(number: string): string {
  return `create table node (
    number ${number} primary key, id text not null, kind text not null default '', label text not null default '',
    project text not null default '', at bigint not null default 0, facts text not null default '{}')`
}
