import type { Migration } from '#storage'

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
  {
    name: 'workflow-014',
    // What is due and what runs have narrow tables of their own. A task is then called and ended by two changes that no index
    // of its row sees, which PostgreSQL keeps on the page of the row [Heap-Only Tuples]: a page needs room for them.
    statements: [
      `create table workflow_queue (
         task text primary key, pool text not null, demand text not null, priority bigint not null, queue_ms bigint,
         next_at bigint not null)`,
      `insert into workflow_queue (task, pool, demand, priority, queue_ms, next_at)
       select id, pool, demand, priority, case when state = 'ready' then queue_ms end, next_at from workflow_task
       where next_at is not null`,
      `drop index workflow_task_queue`,
      `drop index workflow_task_rank`,
      `drop index workflow_task_overdue`,
      `alter table workflow_task drop column next_at`,
      `create index workflow_queue_due on workflow_queue (pool, next_at)`,
      `create index workflow_queue_rank on workflow_queue (pool, demand, (next_at - priority * 60000), task)`,
      `create index workflow_queue_overdue on workflow_queue ((next_at + queue_ms)) where queue_ms is not null`,
      // The database itself refuses a second live attempt of a task.
      `create table workflow_lease (
         attempt text primary key, task text not null unique, owner text not null, lease_until bigint not null, handle text,
         demand text not null, machine text, devices text)`,
      `insert into workflow_lease (attempt, task, owner, lease_until, handle, demand, machine, devices)
       select id, task, owner, lease_until, handle, demand, machine, devices from workflow_attempt
       where lease_until is not null`,
      `drop index workflow_attempt_live`,
      `drop index workflow_attempt_owner`,
      `drop index workflow_attempt_demand`,
      `drop index workflow_attempt_devices`,
      ...['owner', 'lease_until', 'handle', 'demand', 'machine', 'devices'].map(
        column => `alter table workflow_attempt drop column ${column}`,
      ),
      `create index workflow_lease_until on workflow_lease (lease_until)`,
      `create index workflow_lease_demand on workflow_lease (demand, machine) where demand > ''`,
      `alter table workflow_task add column items_next bigint not null default 0`,
      `drop index workflow_task_items`,
      `create index workflow_task_items on workflow_task (parent, item_index) where parent is not null`,
      { postgres: `alter table workflow_task set (fillfactor = 45)` },
      { postgres: `alter table workflow_attempt set (fillfactor = 50)` },
      // Of rows that nobody deletes, and that are written with or after those that they name, each check costs as much as the row.
      ...Object.entries({
        workflow_task: 'run',
        workflow_task_spec: 'task',
        workflow_item: 'task',
        workflow_attempt: 'task',
        workflow_record: 'attempt',
      }).map(([table, column]) => ({ postgres: `alter table ${table} drop constraint ${table}_${column}_fkey` })),
    ],
  },
  {
    name: 'workflow-015',
    statements: [
      `alter table workflow_run add column limit_ms bigint`,
      `alter table workflow_run add column limited_at bigint`,
      `create index workflow_run_limit on workflow_run ((started_at + limit_ms))
         where limit_ms is not null and ended_at is null and limited_at is null`,
    ],
  },
  {
    name: 'workflow-016',
    // An attempt is a lease while it runs and a row of this table afterwards, with its record: it is written twice instead of
    // four times, and found by its task.
    statements: [
      ...['run text', 'number bigint', 'claimed_at bigint', 'tracking text', 'record text', 'series text'].map(
        column => `alter table workflow_lease add column ${column}`,
      ),
      `update workflow_lease set run = a.run, number = a.number, claimed_at = a.claimed_at, tracking = a.tracking,
         record = r.record, series = r.series
       from workflow_attempt as a left join workflow_record as r on r.attempt = a.id where a.id = workflow_lease.attempt`,
      `alter table workflow_attempt rename to old_attempt`,
      { postgres: `alter index workflow_attempt_pkey rename to old_attempt_pkey` },
      `create table workflow_attempt (
         id text not null, task text not null, run text not null, number bigint not null, state text not null, tracking text,
         error text, record text, series text, claimed_at bigint not null, ended_at bigint, primary key (task, number))`,
      `insert into workflow_attempt
       select id, task, run, number, state, tracking, error, record, series, claimed_at, ended_at
       from old_attempt left join workflow_record on attempt = id where id not in (select attempt from workflow_lease)`,
      `drop table workflow_record`,
      `drop table old_attempt`,
    ],
  },
  {
    name: 'workflow-017',
    // A lease is found by its task alone: one entry in an index instead of three for each, and none when it is prolonged.
    // Leases are few, so that those which have run out are found among all.
    statements: [
      `alter table workflow_lease rename to old_lease`,
      { postgres: `alter index workflow_lease_pkey rename to old_lease_pkey` },
      // The database itself refuses a second live attempt of a task.
      `create table workflow_lease (
         task text primary key, attempt text not null, run text not null, number bigint not null, owner text not null,
         lease_until bigint not null, handle text, demand text not null, machine text, devices text,
         claimed_at bigint not null, tracking text, record text, series text)`,
      `insert into workflow_lease
       select task, attempt, run, number, owner, lease_until, handle, demand, machine, devices, claimed_at, tracking, record, series
       from old_lease`,
      `drop table old_lease`,
      `create index workflow_lease_demand on workflow_lease (demand, machine) where demand > ''`,
    ],
  },
  {
    name: 'workflow-018',
    statements: ['lease', 'attempt'].map(
      table => `alter table workflow_${table} add column call bigint not null default 1`,
    ),
  },
]
