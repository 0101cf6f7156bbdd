import type { Migration } from '#storage'

export type ServingTables = {
  serving_deployment: { name: string; project: string; model: string; created_at: number }
  serving_revision: {
    id: string
    /** Of the release that made it: a second try answers the first one's. */
    key: string | null
    deployment: string
    number: number
    version: string
    version_number: number
    bundle: string
    state: string
    weight: number
    /** Percent of requests of which it gets a copy. */
    shadow: number
    requests: number
    errors: number
    /** Failures since the last success. */
    error_streak: number
    live_at: number | null
    created_at: number
  }
  serving_traffic: { id: string; deployment: string; at: number; actor: string; reason: string; weights: string }
  /** `routes`: the version of routes.json. Its row is the lock on all changes of traffic. */
  serving_counter: { name: string; value: number }
  serving_latency: { revision: string; bucket: number; requests: number }
  /** Requests by the minute of their arrival; `split_`: those that did not name their revision. */
  serving_minute: {
    revision: string
    minute: number
    deployment: string
    requests: number
    errors: number
    split_requests: number
    split_errors: number
    split_invalid: number
    /** Answers that were slow while there was a canary. */
    split_slow: number
    /** Answers that took three times as long as is promised, while there was a canary. */
    split_late: number
  }
  /** Answers by the hour of their arrival and bucket of latency, of the last hours; none that were for a named revision. */
  serving_recent_latency: { revision: string; hour: number; bucket: number; requests: number }
  /** A Parquet file of the prediction log. */
  serving_segment: {
    deployment: string
    file: string
    rows: number
    event_from: number
    event_to: number
    id_from: string
    id_to: string
    received_to: number
  }
  /** What shadows answered to copies, beside the revision that answered. */
  serving_shadow: {
    revision: string
    against: string
    rows: number
    agreed: number
    errors: number
    dropped: number
    difference_sum: number
    difference_max: number
  }
  /** Requests by bucket of latency; `side`: `shadow` or `against`. */
  serving_shadow_latency: { revision: string; against: string; side: string; bucket: number; requests: number }
  /** Rows by bucket of their score; `side` as above. */
  serving_shadow_score: { revision: string; against: string; side: string; bucket: number; rows: number }
  /** Segments of the model server that are in the log: what is named here is never counted again. */
  serving_ingested: { segment: string; at: number }
}

export const servingMigrations: readonly Migration[] = [
  {
    name: 'serving-001',
    statements: [
      `create table serving_deployment (name text primary key, project text not null, model text not null, created_at bigint not null)`,
      `create index serving_deployment_project on serving_deployment (project, name)`,
      `create table serving_revision (
         id text primary key, key text unique, deployment text not null references serving_deployment, number bigint not null,
         version text not null, version_number bigint not null, bundle text not null, state text not null,
         weight double precision not null, requests bigint not null, errors bigint not null, error_streak bigint not null,
         live_at bigint, created_at bigint not null, unique (deployment, number))`,
      `create table serving_traffic (
         id text primary key, deployment text not null references serving_deployment, at bigint not null, actor text not null,
         reason text not null, weights text not null)`,
      `create index serving_traffic_deployment on serving_traffic (deployment, id)`,
      `create table serving_counter (name text primary key, value bigint not null)`,
      `insert into serving_counter (name, value) values ('routes', 0)`,
      `create table serving_latency (revision text not null, bucket bigint not null, requests bigint not null, primary key (revision, bucket))`,
      `create table serving_minute (
         revision text not null, minute bigint not null, deployment text not null, requests bigint not null, errors bigint not null,
         split_requests bigint not null, split_errors bigint not null, primary key (revision, minute))`,
      `create index serving_minute_deployment on serving_minute (deployment, minute)`,
      `create table serving_segment (
         deployment text not null, file text not null, rows bigint not null, event_from bigint not null, event_to bigint not null,
         id_from text not null, id_to text not null, received_to bigint not null, primary key (deployment, file))`,
      `create index serving_segment_event on serving_segment (deployment, event_to)`,
      `create index serving_segment_id on serving_segment (id_to, id_from)`,
      `create table serving_ingested (segment text primary key, at bigint not null)`,
      `create index serving_ingested_at on serving_ingested (at)`,
    ],
  },
  {
    name: 'serving-002',
    statements: [
      `alter table serving_revision add column shadow double precision not null default 0`,
      `create table serving_shadow (
         revision text not null, against text not null, rows bigint not null, agreed bigint not null, errors bigint not null,
         dropped bigint not null, difference_sum double precision not null, difference_max double precision not null,
         primary key (revision, against))`,
      `create table serving_shadow_latency (
         revision text not null, against text not null, side text not null, bucket bigint not null, requests bigint not null,
         primary key (revision, against, side, bucket))`,
    ],
  },
  {
    name: 'serving-003',
    statements: [`alter table serving_minute add column split_invalid bigint not null default 0`],
  },
  {
    name: 'serving-004',
    statements: [
      `alter table serving_minute add column split_slow bigint not null default 0`,
      `create table serving_recent_latency (
         revision text not null, hour bigint not null, bucket bigint not null, requests bigint not null,
         primary key (revision, hour, bucket))`,
    ],
  },
  {
    name: 'serving-005',
    statements: [
      `alter table serving_minute add column split_late bigint not null default 0`,
      `create table serving_shadow_score (
         revision text not null, against text not null, side text not null, bucket bigint not null, rows bigint not null,
         primary key (revision, against, side, bucket))`,
    ],
  },
]
