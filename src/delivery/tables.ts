import type { Migration } from '#storage'

export type DeliveryTables = {
  delivery_build: { run: string; project: string; commit_id: string; code: string; revision: string; at: number }
  delivery_rollout: {
    run: string
    deployment: string
    revision: string
    version: string
    outcome: string
    reason: string
    at: number
  }
  delivery_canary: {
    run: string
    seq: number
    deployment: string
    revision: string
    move: string
    weight: number
    at: number
    actor: string
    reason: string
    since: number
    requests: number
    errors: number
    control_requests: number
    control_errors: number
    slow: number
    control_slow: number
    late: number
    control_late: number
    burn: number
    verdict: string
    evidence: number
    slow_evidence: number
    policy: string
  }
  delivery_conversion: {
    version: string
    outcome: string
    reason: string
    onnx: string | null
    bytes: number | null
    tried_rows: number | null
    sample: string | null
    max_delta: number | null
    differing: number | null
    onnx_ms: number | null
    python_ms: number | null
    at: number
  }
}

export const deliveryMigrations: readonly Migration[] = [
  {
    name: 'delivery-001',
    statements: [
      // What a run of the ci pipeline delivered; a run that failed has no row. code: digest of the tree.
      `create table delivery_build (run text primary key, project text not null, commit_id text not null, code text not null, revision text not null, at bigint not null)`,
      // How a run of the deploy pipeline ended.
      `create table delivery_rollout (run text primary key, deployment text not null, revision text not null, version text not null, outcome text not null, reason text not null, at bigint not null)`,
    ],
  },
  {
    name: 'delivery-002',
    statements: [
      // What became of writing a model version as ONNX; onnx: digest of the file, kept as long as this row.
      `create table delivery_conversion (version text primary key, outcome text not null, reason text not null,
         onnx text, bytes bigint, tried_rows bigint, sample text, max_delta double precision, differing bigint,
         onnx_ms double precision, python_ms double precision, at bigint not null)`,
    ],
  },
  {
    name: 'delivery-003',
    statements: [
      // What was decided of canaries, in the order of each run, and on what. policy: digest of what was declared.
      `create table delivery_canary (run text not null, seq bigint not null, deployment text not null, revision text not null,
         move text not null, weight double precision not null, at bigint not null, actor text not null, reason text not null,
         since bigint not null, requests bigint not null, errors bigint not null, control_requests bigint not null,
         control_errors bigint not null, verdict text not null, evidence double precision not null, policy text not null,
         primary key (run, seq))`,
      `create index delivery_canary_deployment on delivery_canary (deployment, at)`,
    ],
  },
  {
    name: 'delivery-004',
    statements: [
      `alter table delivery_canary add column slow bigint not null default 0`,
      `alter table delivery_canary add column control_slow bigint not null default 0`,
      `alter table delivery_canary add column slow_evidence double precision not null default 0`,
    ],
  },
  {
    name: 'delivery-005',
    statements: [
      `alter table delivery_canary add column late bigint not null default 0`,
      `alter table delivery_canary add column control_late bigint not null default 0`,
      `alter table delivery_canary add column burn double precision not null default 0`,
    ],
  },
]
