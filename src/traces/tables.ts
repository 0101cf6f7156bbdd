import type { Migration } from '#storage'

export type TraceTables = {
  trace: {
    id: string
    experiment_id: string
    client_request_id: string | null
    request_preview: string | null
    response_preview: string | null
    requested_at: number
    duration_ms: number | null
    state: string
    finished: number
  }
  trace_label: { trace_id: string; kind: string; key: string; value: string; head: string }
  span: {
    trace_id: string
    span_id: string
    parent_id: string | null
    name: string
    type: string
    status: string
    start_ns: bigint
    end_ns: bigint | null
    usage: string | null
    content: string
    model: string | null
    provider: string | null
    input_cost: number | null
    output_cost: number | null
    total_cost: number | null
  }
  trace_run: { trace_id: string; run_id: string }
  trace_prompt: { trace_id: string; name: string; version: string }
  assessment: {
    id: string
    trace_id: string
    span_id: string | null
    name: string
    kind: string
    value: string
    error: string | null
    source_type: string | null
    source_id: string | null
    rationale: string | null
    metadata: string | null
    overrides: string | null
    valid: number
    created_at: number
    updated_at: number
  }
  evaluation_dataset: {
    id: string
    project: string
    name: string
    digest: string
    schema: string | null
    records: number
    created_at: number
    updated_at: number
    created_by: string | null
    updated_by: string | null
  }
  evaluation_dataset_tag: { dataset_id: string; key: string; value: string }
  evaluation_dataset_experiment: { dataset_id: string; experiment_id: string }
  evaluation_record: {
    id: string
    dataset_id: string
    input_digest: string
    content: string
    created_at: number
    updated_at: number
    created_by: string | null
    updated_by: string | null
  }
  scorer: { experiment_id: string; name: string; id: string; last_version: number }
  scorer_version: { scorer_id: string; version: number; serialized: string; created_at: number }
}

const traces = [
  // finished: 1 once its maker has sent the whole description, which spans that come later do not change.
  `create table trace (
    id text primary key,
    experiment_id text not null,
    client_request_id text,
    request_preview text,
    response_preview text,
    requested_at bigint not null,
    duration_ms bigint,
    state text not null,
    finished bigint not null
  )`,
  `create index trace_by_time on trace (experiment_id, requested_at desc, id)`,
  // kind: tag or metadata; head: the first 40 characters of value, which an index can hold.
  `create table trace_label (
    trace_id text not null references trace (id) on delete cascade,
    kind text not null,
    key text not null,
    value text not null,
    head text not null,
    primary key (trace_id, kind, key)
  )`,
  `create index trace_label_by_value on trace_label (kind, key, head, trace_id)`,
  // start_ns, end_ns: nanoseconds, beyond what a double holds: compared and ordered by the database, never read.
  // name, type: their first 250 characters, for search. usage: JSON. content: OTLP in JSON, read whole or not at all.
  `create table span (
    trace_id text not null references trace (id) on delete cascade,
    span_id text not null,
    parent_id text,
    name text not null,
    type text not null,
    status text not null,
    start_ns bigint not null,
    end_ns bigint,
    usage text,
    content text not null,
    primary key (trace_id, span_id)
  )`,
  `create index span_by_kind on span (trace_id, name, type, status)`,
  `create index span_by_name on span (name, trace_id)`,
  `create table trace_run (
    trace_id text not null references trace (id) on delete cascade,
    run_id text not null,
    primary key (trace_id, run_id)
  )`,
  `create index trace_run_by_run on trace_run (run_id, trace_id)`,
  `create table trace_prompt (
    trace_id text not null references trace (id) on delete cascade,
    name text not null,
    version text not null,
    primary key (trace_id, name, version)
  )`,
  // value: JSON text; error, metadata: JSON objects; overrides: the assessment that this one takes the place of.
  `create table assessment (
    id text primary key,
    trace_id text not null references trace (id) on delete cascade,
    span_id text,
    name text not null,
    kind text not null,
    value text not null,
    error text,
    source_type text,
    source_id text,
    rationale text,
    metadata text,
    overrides text,
    valid bigint not null,
    created_at bigint not null,
    updated_at bigint not null
  )`,
  `create index assessment_by_trace on assessment (trace_id, created_at, id)`,
]

const evaluation = [
  // schema: JSON, the type of each field that a record has had; digest: changes with every change of the records.
  `create table evaluation_dataset (
    id text primary key,
    project text not null,
    name text not null,
    digest text not null,
    schema text,
    records bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    created_by text,
    updated_by text
  )`,
  `create index evaluation_dataset_by_time on evaluation_dataset (created_at desc, id desc)`,
  `create table evaluation_dataset_tag (
    dataset_id text not null references evaluation_dataset (id) on delete cascade,
    key text not null,
    value text not null,
    primary key (dataset_id, key)
  )`,
  `create table evaluation_dataset_experiment (
    dataset_id text not null references evaluation_dataset (id) on delete cascade,
    experiment_id text not null,
    primary key (dataset_id, experiment_id)
  )`,
  `create index evaluation_dataset_by_experiment on evaluation_dataset_experiment (experiment_id, dataset_id)`,
  // input_digest: SHA-256 of the inputs, by which a record is known; content: JSON.
  `create table evaluation_record (
    id text primary key,
    dataset_id text not null references evaluation_dataset (id) on delete cascade,
    input_digest text not null,
    content text not null,
    created_at bigint not null,
    updated_at bigint not null,
    created_by text,
    updated_by text,
    unique (dataset_id, input_digest)
  )`,
  `create index evaluation_record_by_time on evaluation_record (dataset_id, created_at, id)`,
]

const scorers = [
  `create table scorer (
    experiment_id text not null,
    name text not null,
    id text not null unique,
    last_version bigint not null,
    primary key (experiment_id, name)
  )`,
  `create table scorer_version (
    scorer_id text not null references scorer (id) on delete cascade,
    version bigint not null,
    serialized text not null,
    created_at bigint not null,
    primary key (scorer_id, version)
  )`,
]

/** What a call to a language model cost, in US dollars, by the attributes of its span; of earlier spans it is not known. */
const costs = [
  `alter table span add column model text`,
  `alter table span add column provider text`,
  `alter table span add column input_cost double precision`,
  `alter table span add column output_cost double precision`,
  `alter table span add column total_cost double precision`,
]

export const traceMigrations: readonly Migration[] = [
  { name: 'traces-001', statements: traces },
  { name: 'evaluation-datasets-001', statements: evaluation },
  { name: 'scorers-001', statements: scorers },
  { name: 'span-costs-001', statements: costs },
]
