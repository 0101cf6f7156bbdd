import type { Migration } from '#storage'

export type WorkflowTables = {
  workflow_run: RunRow
  workflow_task: TaskRow
  workflow_task_spec: SpecRow
  workflow_item: { task: string; item: string }
  /** The newest task that makes, or has made, what the key stands for: its state says which. */
  workflow_cache: { project: string; cache_key: string; task: string }
  workflow_edge: { up: string; down: string }
  workflow_attempt: AttemptRow
  workflow_record: RecordRow
  /** Pipelines whose runs may not all be active: how many may, and a count that gives places in the line. Its row is the lock. */
  workflow_lane: { project: string; pipeline: string; active_max: number; turn: number }
  /** What tasks can take while they run, by owner and name: `room.ts`. Its rows are the locks. */
  workflow_slots: { owner: string; name: string; slots: number }
  /** Pipelines whose last success, of the instant `since`, may be so old. */
  workflow_freshness: { project: string; pipeline: string; max_age_ms: number; since: number; stale_at: number | null }
  workflow_backfill: {
    id: string
    project: string
    pipeline: string
    trigger_name: string
    rhythm: string
    from_at: number
    to_at: number
    total: number
    again: string
    in_order: string
    concurrency: number
    actor: string
    created_at: number
    ended_at: number | null
    cancelled_at: number | null
    cancelled_by: string | null
    error: string | null
    next_at: number | null
    looked: number
    kept: number
    turn: number
  }
  workflow_trigger: TriggerRow
  workflow_trigger_tick: {
    project: string
    pipeline: string
    name: string
    tick: string
    at: number
    run: string | null
    skipped: string | null
    error: string | null
  }
}

export type RunRow = {
  id: string
  project: string
  pipeline: string
  revision: string | null
  code: string | null
  commit_sha: string | null
  params: string
  cause: string
  actor: string
  run_key: string | null
  state: string
  error: string | null
  /** Set once and never taken back but by a resume. */
  cancel_requested_at: number | null
  /** How many tasks have not ended: the run ends with the transaction that brings it to 0. */
  tasks_open: number
  tasks_failed: number
  /** The task of another run that this one is. */
  parent_task: string | null
  /** What the run has come to, once only the tasks that run at its end are left; null before, and when it has none. */
  verdict: string | null
  /** What the first of those tasks that failed said. */
  final_error: string | null
  /** Not null exactly while it is held: its place in the line of its pipeline. */
  place: number | null
  backfill: string | null
  /** When it is to have ended, and since when it is late. */
  deadline_at: number | null
  late_at: number | null
  created_at: number
  started_at: number | null
  ended_at: number | null
}

export type TaskRow = {
  id: string
  run: string
  name: string
  kind: string
  pool: string
  state: string
  /** How many of its needs have not ended; for one that runs at the end of its run, one more until then. */
  needs_open: number
  /** How many of its needs have succeeded. */
  needs_good: number
  /** Which of its needs must have succeeded: `all`, `any` or `always`. */
  join_rule: string
  /** 1 when it runs at the end of its run. */
  is_final: number
  /** Not null exactly while it may be claimed, from this instant on: the index over it is the queue. */
  next_at: number | null
  attempt: number
  attempts_max: number
  retries: number
  /** Tries beyond the promised ones, after failures that were the platform's. */
  tries_free: number
  /** 0 when it must not be called twice after its process was lost. */
  retry_lost: number
  /** How many attempts were lost one after the other, up to the last. */
  losses: number
  outputs: string
  metrics: string
  error: string | null
  /** Why it was skipped. */
  reason: string | null
  /** The task that has a call for each item, of which this is one. */
  parent: string | null
  item_index: number | null
  /** Of a task with a call for each item: how many have not ended; null before they are known. */
  items_open: number | null
  /** The task of the same content whose result this is. */
  producer: string | null
  /** The run of another pipeline that this task is. */
  child: string | null
  waiting_for: string | null
  /** What it takes while it runs: JSON, the same text for the same; empty for nothing. */
  demand: string
  /** A level is worth a minute of waiting. */
  priority: number
  /** How long it may wait in the queue. */
  queue_ms: number | null
  started_at: number | null
  ended_at: number | null
}

/** What never changes of a task, apart from its state: a task that waits for thousands has a wide row here and a narrow one there. */
export type SpecRow = {
  task: string
  spec: string
  needs: string
  params: string
}

export type AttemptRow = {
  id: string
  task: string
  run: string
  number: number
  state: string
  owner: string
  /** Not null exactly while it runs. */
  lease_until: number | null
  /** JSON by which the executor finds its processes again. */
  handle: string | null
  tracking: string | null
  error: string | null
  facts: string
  /** What it takes as long as it has a lease, and on which machine. */
  demand: string
  machine: string | null
  /** JSON: names of the machine's GPUs that are its as long as it has a lease. */
  devices: string | null
  claimed_at: number
  ended_at: number | null
}

/** What is read of one attempt at a time, apart from what the queue reads. */
export type RecordRow = {
  attempt: string
  record: string
  /** The points over time, which no list reads. */
  series: string | null
}

export type TriggerRow = {
  project: string
  pipeline: string
  name: string
  spec: string
  /** What it waits for; null when for its instant alone, or for deliveries. */
  listens: string | null
  /** Not null exactly while it is to be looked at, from this instant on. */
  next_at: number | null
  pending: string | null
  seen_seq: number
  paused_at: number | null
  paused_by: string | null
  hook: string | null
  /** What deliveries are signed with, as it stood here before it was sealed: null once this server has begun. */
  secret: string | null
  /** The same, sealed. It is opened for nothing else. */
  sealed: string | null
  turn: number
  last_at: number | null
  last_run: string | null
  last_skipped: string | null
  last_error: string | null
}

export const workflowMigrations: readonly Migration[] = [
  {
    name: 'workflow-001',
    statements: [
      `create table workflow_run (
         id text primary key, project text not null, pipeline text not null, revision text, code text, commit_sha text,
         params text not null, cause text not null, actor text not null, run_key text, state text not null, error text,
         cancel_requested_at bigint, tasks_open bigint not null, tasks_failed bigint not null, created_at bigint not null,
         started_at bigint, ended_at bigint, unique (project, run_key))`,
      `create index workflow_run_project on workflow_run (project, id)`,
      `create index workflow_run_pipeline on workflow_run (project, pipeline, id)`,
      `create index workflow_run_state on workflow_run (project, state, id)`,
      `create table workflow_task (
         id text primary key, run text not null references workflow_run, name text not null, kind text not null, pool text not null,
         state text not null, needs_open bigint not null,
         next_at bigint, attempt bigint not null, attempts_max bigint not null, retries bigint not null,
         outputs text not null, metrics text not null, error text, waiting_for text, started_at bigint, ended_at bigint,
         unique (run, name))`,
      `create table workflow_task_spec (task text primary key references workflow_task, spec text not null, needs text not null, params text not null)`,
      `create index workflow_task_queue on workflow_task (pool, next_at, id) where next_at is not null`,
      `create table workflow_edge (up text not null, down text not null, primary key (up, down))`,
      `create index workflow_edge_down on workflow_edge (down, up)`,
      `create table workflow_attempt (
         id text primary key, task text not null references workflow_task, run text not null, number bigint not null,
         state text not null, owner text not null, lease_until bigint, handle text, tracking text, error text,
         facts text not null, claimed_at bigint not null, ended_at bigint, unique (task, number))`,
      // The database itself refuses a second live attempt of a task.
      `create unique index workflow_attempt_live on workflow_attempt (task) where lease_until is not null`,
      `create index workflow_attempt_owner on workflow_attempt (owner, lease_until) where lease_until is not null`,
      `create table workflow_schedule (
         project text not null, pipeline text not null, cron text not null, time_zone text not null, next_at bigint not null,
         primary key (project, pipeline, cron, time_zone))`,
      `create index workflow_schedule_next on workflow_schedule (next_at)`,
      `create table workflow_listener (
         project text not null, pipeline text not null, event_type text not null, trigger text not null,
         primary key (project, event_type, pipeline, trigger))`,
      `create table workflow_tick (
         project text not null, pipeline text not null, scheduled_for bigint not null, run text, error text, at bigint not null,
         primary key (project, pipeline, scheduled_for))`,
    ],
  },
  {
    name: 'workflow-002',
    statements: [
      `create table workflow_record (attempt text primary key references workflow_attempt, record text not null, series text)`,
    ],
  },
  {
    name: 'workflow-003',
    statements: [
      `alter table workflow_run add column verdict text`,
      `alter table workflow_run add column final_error text`,
      `alter table workflow_task add column needs_good bigint not null default 0`,
      `alter table workflow_task add column join_rule text not null default 'all'`,
      `alter table workflow_task add column is_final bigint not null default 0`,
      `alter table workflow_task add column reason text`,
      `create index workflow_task_final on workflow_task (run) where is_final = 1`,
    ],
  },
  {
    name: 'workflow-003b',
    statements: [
      `alter table workflow_task add column parent text`,
      `alter table workflow_task add column item_index bigint`,
      `alter table workflow_task add column items_open bigint`,
      `create index workflow_task_items on workflow_task (parent, state, item_index) where parent is not null`,
      // What the call is for; the rest of its specification is its parent's, and stands once.
      `create table workflow_item (task text primary key references workflow_task, item text not null)`,
    ],
  },
  {
    name: 'workflow-003c',
    statements: [
      `alter table workflow_task add column tries_free bigint not null default 0`,
      `alter table workflow_task add column retry_lost bigint not null default 1`,
    ],
  },
  {
    name: 'workflow-003d',
    statements: [
      `alter table workflow_task add column producer text`,
      `create table workflow_cache (project text not null, cache_key text not null, task text not null, primary key (project, cache_key))`,
    ],
  },
  {
    name: 'workflow-003e',
    statements: [
      `alter table workflow_run add column parent_task text`,
      `alter table workflow_task add column child text`,
    ],
  },
  {
    name: 'workflow-004',
    statements: [
      `create table workflow_trigger (
         project text not null, pipeline text not null, name text not null, spec text not null, listens text,
         next_at bigint, pending text, seen_seq bigint not null, paused_at bigint, paused_by text, hook text unique,
         secret text, turn bigint not null, last_at bigint, last_run text, last_skipped text, last_error text,
         primary key (project, pipeline, name))`,
      `create index workflow_trigger_due on workflow_trigger (next_at) where next_at is not null`,
      `create index workflow_trigger_listens on workflow_trigger (project, listens)`,
      `create table workflow_trigger_tick (
         project text not null, pipeline text not null, name text not null, tick text not null, at bigint not null,
         run text, skipped text, error text, primary key (project, pipeline, name, tick))`,
      `create index workflow_trigger_tick_at on workflow_trigger_tick (project, pipeline, name, at, tick)`,
      `create index workflow_trigger_tick_old on workflow_trigger_tick (at)`,
      `insert into workflow_trigger (project, pipeline, name, spec, next_at, seen_seq, turn)
         select project, pipeline, case n when 1 then 'schedule' else 'schedule-' || n end,
           '{"on":"schedule","cron":"' || cron || '","timeZone":"' || time_zone || '"}', nullif(next_at, 9007199254740991), 0, 0
         from (select s.*, row_number() over (partition by project, pipeline order by cron, time_zone) as n
               from workflow_schedule s) numbered`,
      `insert into workflow_trigger (project, pipeline, name, spec, listens, seen_seq, turn)
         select project, pipeline, case n when 1 then kind else kind || '-' || n end, spec,
           case kind when 'push' then 'push' else event_type end, 0, 0
         from (select k.*, row_number() over (partition by project, pipeline, kind order by spec) as n
               from (select project, pipeline, event_type, trigger as spec,
                       case when trigger like '{"on":"push"%' then 'push' when trigger like '{"on":"data"%' then 'data' else 'event' end as kind
                     from workflow_listener) k) numbered`,
      `drop table workflow_schedule`,
      `drop table workflow_listener`,
      `drop table workflow_tick`,
    ],
  },
  { name: 'workflow-005', statements: [`alter table workflow_trigger add column sealed text`] },
  {
    name: 'workflow-006',
    statements: [
      `alter table workflow_run add column place bigint`,
      `create table workflow_lane (
         project text not null, pipeline text not null, active_max bigint not null, turn bigint not null,
         primary key (project, pipeline))`,
      `create index workflow_run_active on workflow_run (project, pipeline, id) where ended_at is null`,
      `create index workflow_run_held on workflow_run (project, pipeline, place) where place is not null`,
    ],
  },
  {
    name: 'workflow-007',
    statements: [
      `create table workflow_slots (owner text not null, name text not null, slots bigint not null, primary key (owner, name))`,
      `alter table workflow_task add column demand text not null default ''`,
      `alter table workflow_task add column priority bigint not null default 0`,
      `alter table workflow_task add column queue_ms bigint`,
      `alter table workflow_attempt add column demand text not null default ''`,
      `alter table workflow_attempt add column machine text`,
      `create index workflow_task_rank on workflow_task (pool, demand, (next_at - priority * 60000), id) where next_at is not null`,
      `create index workflow_task_overdue on workflow_task ((next_at + queue_ms)) where next_at is not null and queue_ms is not null`,
      `create index workflow_attempt_demand on workflow_attempt (demand, machine) where lease_until is not null and demand > ''`,
    ],
  },
  { name: 'workflow-008', statements: [`alter table workflow_task add column losses bigint not null default 0`] },
  {
    name: 'workflow-009',
    statements: [
      `create table workflow_backfill (
         id text primary key, project text not null, pipeline text not null, trigger_name text not null, rhythm text not null,
         from_at bigint not null, to_at bigint not null, total bigint not null, again text not null, in_order text not null,
         concurrency bigint not null, actor text not null, created_at bigint not null, ended_at bigint, cancelled_at bigint,
         cancelled_by text, error text, next_at bigint, looked bigint not null, kept bigint not null, turn bigint not null)`,
      `create index workflow_backfill_project on workflow_backfill (project, id)`,
      `create index workflow_backfill_open on workflow_backfill (id) where ended_at is null`,
      `alter table workflow_run add column backfill text`,
      `create index workflow_run_backfill on workflow_run (backfill, state) where backfill is not null`,
    ],
  },
  {
    name: 'workflow-010',
    statements: [`create index workflow_run_pipeline_state on workflow_run (project, pipeline, state, id)`],
  },
  {
    name: 'workflow-011',
    statements: [`create index workflow_task_page on workflow_task (run, id) where parent is null`],
  },
  {
    name: 'workflow-012',
    statements: [
      `alter table workflow_attempt add column devices text`,
      `create index workflow_attempt_devices on workflow_attempt (machine) where lease_until is not null and devices is not null`,
    ],
  },
  {
    name: 'workflow-013',
    statements: [
      `alter table workflow_run add column deadline_at bigint`,
      `alter table workflow_run add column late_at bigint`,
      `create index workflow_run_deadline on workflow_run (deadline_at)
         where deadline_at is not null and ended_at is null and late_at is null`,
      `create table workflow_freshness (
         project text not null, pipeline text not null, max_age_ms bigint not null, since bigint not null, stale_at bigint,
         primary key (project, pipeline))`,
    ],
  },
]
