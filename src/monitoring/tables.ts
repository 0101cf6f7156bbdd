import type { Migration } from '#storage'

export type MonitoringTables = {
  monitor: {
    deployment: string
    project: string
    model: string
    revision: string
    version: string
    open_from: number | null
    watermark: number | null
    pending: number
    predictions: number
    seen: number
    labelled: number
    drift_window: string | null
    drift_clean: number
    created_at: number
  }
  monitor_reference: {
    revision: string
    deployment: string
    version: string
    digest: string | null
    text: string
    created_at: number
  }
  monitor_window: {
    id: string
    deployment: string
    project: string
    revision: string
    from_at: number
    to_at: number
    judged: number
    judged_by: string | null
    rows: number
    scored: number
    labelled: number
    truth_seen: number
    state: string
    signals: string
    performance: string | null
    reference: string
    evaluated_at: number | null
  }
  truth: {
    prediction: string
    number: number
    deployment: string
    value: number
    at: number | null
    received_at: number
  }
  incident: {
    id: string
    project: string
    deployment: string | null
    source: string | null
    kind: string
    severity: string
    state: string
    title: string
    evidence: string
    causes: string
    violations: string
    windows: string
    revision: string | null
    version: string | null
    clean: number
    open_key: string | null
    opened_at: number
    resolved_at: number | null
    resolution: string | null
  }
  feedback_item: {
    id: string
    project: string
    receiver: string
    incident: string | null
    deployment: string | null
    model: string | null
    subject: string
    title: string
    action: string
    state: string
    run: string | null
    at: number
  }
}

export const monitoringMigrations: readonly Migration[] = [
  {
    name: 'monitoring-001',
    statements: [
      // open_from: start of the window that is filling; seen: the last event that was counted; pending and predictions
      // count rows, labelled counts predictions whose truth is known.
      `create table monitor (
         deployment text primary key, project text not null, model text not null, revision text not null, version text not null,
         open_from bigint, watermark bigint, pending bigint not null, predictions bigint not null, seen bigint not null,
         labelled bigint not null, drift_window text, drift_clean bigint not null, created_at bigint not null)`,
      `create index monitor_project on monitor (project, deployment)`,
      `create table monitor_reference (
         revision text primary key, deployment text not null, version text not null, digest text, text text not null,
         created_at bigint not null)`,
      // truth_seen: monitor.labelled when the window was last judged; it need not be looked at again before enough is new.
      `create table monitor_window (
         id text primary key, deployment text not null, project text not null, revision text not null,
         from_at bigint not null, to_at bigint not null, judged integer not null, judged_by text,
         rows bigint not null, scored bigint not null, labelled bigint not null, truth_seen bigint not null,
         state text not null, signals text not null, performance text, reference text not null, evaluated_at bigint)`,
      `create unique index monitor_window_from on monitor_window (deployment, from_at)`,
      `create index monitor_window_judged on monitor_window (deployment, judged, from_at)`,
      // A truth is never overwritten: number 1, 2, 3 … of one prediction, the highest counts.
      `create table truth (
         prediction text not null, number bigint not null, deployment text not null, value double precision not null,
         at bigint, received_at bigint not null, primary key (prediction, number))`,
      // open_key: kind and subject while unresolved, so that one onset has one incident.
      `create table incident (
         id text primary key, project text not null, deployment text, source text, kind text not null, severity text not null,
         state text not null, title text not null, evidence text not null, causes text not null, violations text not null,
         windows text not null, revision text, version text, clean bigint not null, open_key text,
         opened_at bigint not null, resolved_at bigint, resolution text)`,
      `create unique index incident_open on incident (open_key)`,
      `create index incident_project on incident (project, id)`,
      `create index incident_state on incident (project, state, id)`,
      // subject: the incident or window that it is about; one item per subject and receiver.
      `create table feedback_item (
         id text primary key, project text not null, receiver text not null, incident text, deployment text, model text, subject text not null,
         title text not null, action text not null, state text not null, run text, at bigint not null)`,
      `create unique index feedback_item_subject on feedback_item (subject, receiver)`,
      `create index feedback_item_project on feedback_item (project, id)`,
      `create index feedback_item_run on feedback_item (run)`,
      `create index feedback_item_open on feedback_item (project, state, receiver, id)`,
    ],
  },
]
