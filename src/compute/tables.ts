import type { Migration } from '#storage'

export type ComputeTables = {
  /** An attempt that runs on nodes of an engine, from before its job is submitted until its end is known. */
  compute_remote: {
    attempt: string
    executor: string
    /** Its name in the engine, once the engine has taken it. */
    job: string | null
    /** JSON: what the nodes are told to do. */
    assignment: string
    /** Why it is to end, once that is wanted. */
    stop: string | null
    created_at: number
    /** Nothing is accepted from nodes any more. */
    closed_at: number | null
    /** How long the task's log was when somebody began to write pieces to it; null while nobody does. */
    log_from: number | null
  }
  /** Secrets by which the nodes of an attempt prove who they are, hashed; and what only they may read, sealed. */
  compute_remote_token: { id: string; hash: string; attempt: string; sealed: string; expires_at: number }
  /** What a node of an attempt has said: the first that claims a rank is the only one. */
  compute_remote_node: {
    attempt: string
    rank: number
    instance: string
    /** JSON: name, platform, processors. */
    host: string
    claimed_at: number
    seen_at: number
    /** Bytes of its log that have come, and that stand in the task's log. */
    log_received: number
    /** JSON: how it ended. */
    end: string | null
  }
  /** Pieces of the log between the two, in base64. */
  compute_remote_log: { attempt: string; rank: number; position: number; bytes: string }
  /** Files and folders that a node has handed in, by the name of the output; of a folder how many files it has. */
  compute_remote_output: { attempt: string; name: string; digest: string; size: number; files: number | null }
  /** What a task has kept for its next attempt: the tree of the files, and the number of the attempt that kept it. */
  compute_checkpoint: { task_key: string; attempt: number; tree: string; kept_until: number }
}

export const computeMigrations: readonly Migration[] = [
  {
    name: 'compute-001',
    statements: [
      `create table compute_remote (
         attempt text primary key, executor text not null, job text, assignment text not null, stop text,
         created_at bigint not null, closed_at bigint)`,
      `create index compute_remote_open on compute_remote (executor, attempt) where closed_at is null`,
      `create index compute_remote_closed on compute_remote (closed_at) where closed_at is not null`,
      `create table compute_remote_token (
         id text primary key, hash text not null unique, attempt text not null, sealed text not null, expires_at bigint not null)`,
      `create index compute_remote_token_attempt on compute_remote_token (attempt)`,
      `create table compute_remote_node (
         attempt text not null, rank bigint not null, instance text not null, host text not null,
         claimed_at bigint not null, seen_at bigint not null, log_received bigint not null,
         "end" text, primary key (attempt, rank))`,
      `create table compute_remote_log (
         attempt text not null, rank bigint not null, position bigint not null, bytes text not null,
         primary key (attempt, rank, position))`,
      `create table compute_remote_output (
         attempt text not null, name text not null, digest text not null, size bigint not null,
         primary key (attempt, name))`,
    ],
  },
  {
    name: 'compute-002',
    statements: [
      `create table compute_checkpoint (
         task_key text primary key, attempt bigint not null, tree text not null, kept_until bigint not null)`,
      `create index compute_checkpoint_until on compute_checkpoint (kept_until)`,
    ],
  },
  {
    name: 'compute-003',
    statements: [`alter table compute_remote_output add column files bigint`],
  },
  {
    name: 'compute-004',
    statements: [`alter table compute_remote add column log_from bigint`],
  },
]
