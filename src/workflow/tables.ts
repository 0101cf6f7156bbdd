export type WorkflowTables = {
  workflow_run: RunRow
  workflow_task: TaskRow
  workflow_task_spec: SpecRow
  workflow_item: { task: string; item: string }
  /** The newest task that makes, or has made, what the key stands for: its state says which. */
  workflow_cache: { project: string; cache_key: string; task: string }
  workflow_edge: { up: string; down: string }
  workflow_attempt: AttemptRow
  /** Tasks that may be claimed, each from `next_at` on. It has the time that it may wait for while it is ready. */
  workflow_queue: {
    task: string
    pool: string
    demand: string
    priority: number
    queue_ms: number | null
    next_at: number
  }
  workflow_lease: LeaseRow
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
  /** How long it may take once it has begun, and when it was ended because it took longer. */
  limit_ms: number | null
  limited_at: number | null
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
  /** … and the first that may still be blocked. */
  items_next: number
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

/** An attempt that has ended, or waits: it is written when it comes to that, and when it ends for good never changed. */
export type AttemptRow = Noted & {
  id: string
  state: string
  error: string | null
  ended_at: number | null
}

/** What is known of an attempt as long as it runs, and afterwards. */
export type Noted = {
  task: string
  run: string
  number: number
  /** How often it has been called: once, and again after each wait. */
  call: number
  tracking: string | null
  claimed_at: number
  record: string | null
  /** The points over time, which no list reads. */
  series: string | null
}

/** An attempt that runs, which is nowhere else: who supervises it, and what it takes. */
export type LeaseRow = Noted & {
  attempt: string
  owner: string
  lease_until: number
  /** JSON by which the executor finds its processes again. */
  handle: string | null
  demand: string
  /** What it takes of a machine, it takes of this one. */
  machine: string | null
  /** JSON: names of the machine's GPUs that are its alone. */
  devices: string | null
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
