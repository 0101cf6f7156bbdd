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
]
