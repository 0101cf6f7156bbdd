import type { Migration } from '#storage'

export type TuningTables = {
  tuning_study: {
    id: string
    project: string
    name: string
    /** JSON, as it was parsed. */
    spec: string
    experiment: string
    tracking: string
    run: string | null
    actor: string
    state: string
    criterion: string | null
    /** The number of the next trial. */
    asked: number
    running: number
    complete: number
    pruned: number
    failed: number
    best_number: number | null
    best_loss: number | null
    /** Trials that have ended since the best one. */
    since_best: number
    /** Counts changes of its trials: what has been read up to here is known. */
    revision: number
    created_at: number
    ended_at: number | null
  }
  tuning_trial: TrialRow
  tuning_report: { study: string; trial: number; step: number; loss: number; rung: number | null }
}

export type TrialRow = {
  study: string
  number: number
  state: string
  params: string
  /** What the sampler keeps with it. */
  note: number | null
  /** When complete its result, before that and when pruned the last that it reported. */
  loss: number | null
  step: number | null
  best_loss: number | null
  attempt: number
  /** Null when it has ended, and of trials that the platform itself runs. */
  lease_until: number | null
  ask_key: string | null
  ask_index: number
  tracking: string | null
  error: string | null
  started_at: number
  ended_at: number | null
  revision: number
}

export const tuningMigrations: readonly Migration[] = [
  {
    name: 'tuning-001',
    statements: [
      `create table tuning_study (
         id text primary key, project text not null, name text not null, spec text not null, experiment text not null,
         tracking text not null, run text, actor text not null, state text not null, criterion text,
         asked bigint not null, running bigint not null, complete bigint not null, pruned bigint not null, failed bigint not null,
         best_number bigint, best_loss double precision, since_best bigint not null, revision bigint not null,
         created_at bigint not null, ended_at bigint, unique (project, name))`,
      `create index tuning_study_project on tuning_study (project, id)`,
      `create index tuning_study_run on tuning_study (run) where run is not null`,
      `create table tuning_trial (
         study text not null references tuning_study, number bigint not null, state text not null, params text not null,
         note bigint, loss double precision, step bigint, best_loss double precision, attempt bigint not null, lease_until bigint,
         ask_key text, ask_index bigint not null, tracking text, error text, started_at bigint not null, ended_at bigint,
         revision bigint not null, primary key (study, number), unique (study, ask_key, ask_index))`,
      `create index tuning_trial_revision on tuning_trial (study, revision)`,
      `create index tuning_trial_lease on tuning_trial (study, lease_until) where lease_until is not null`,
      `create index tuning_trial_running on tuning_trial (study, number) where ended_at is null`,
      `create table tuning_report (
         study text not null, trial bigint not null, step bigint not null, loss double precision not null, rung bigint,
         primary key (study, trial, step))`,
      `create index tuning_report_step on tuning_report (study, step, trial)`,
      `create index tuning_report_rung on tuning_report (study, rung, trial) where rung is not null`,
    ],
  },
]
