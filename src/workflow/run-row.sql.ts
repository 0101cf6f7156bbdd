import type { Millis } from '#kernel/clock.ts'
import type { Run } from './run.ts'
import type { RunDraft } from './run-draft.ts'
import type { RunRow } from './tables.ts'

export const runRow = ({ run, key, tasks, place }: RunDraft): RunRow => ({
  id: run.id,
  project: run.project,
  pipeline: run.pipeline,
  revision: run.revision ?? null,
  code: run.code ?? null,
  commit_sha: run.commit ?? null,
  params: JSON.stringify(run.params),
  cause: JSON.stringify(run.cause),
  actor: run.actor,
  run_key: key ?? null,
  state: place === undefined ? 'queued' : 'held',
  error: null,
  cancel_requested_at: null,
  tasks_open: tasks.filter(task => !task.spec.final).length,
  tasks_failed: 0,
  parent_task: run.parentTask ?? null,
  verdict: null,
  final_error: null,
  place: place ?? null,
  backfill: run.backfill ?? null,
  deadline_at: run.deadlineAt ?? null,
  late_at: null,
  created_at: run.createdAt,
  started_at: null,
  ended_at: null,
})

/** `behind` is not a column: only what is read for people says it. */
export const runFromRow = (row: RunRow & { behind?: string | null }): Run => ({
  id: row.id as Run['id'],
  project: row.project,
  pipeline: row.pipeline,
  ...(row.revision !== null && { revision: row.revision }),
  ...(row.code !== null && { code: row.code as NonNullable<Run['code']> }),
  ...(row.commit_sha !== null && { commit: row.commit_sha }),
  params: JSON.parse(row.params),
  cause: JSON.parse(row.cause),
  actor: row.actor,
  state: row.state as Run['state'],
  ...(typeof row.behind === 'string' && { behind: row.behind }),
  ...(row.error !== null && { error: row.error }),
  ...(row.parent_task !== null && { parentTask: row.parent_task }),
  ...(row.backfill !== null && { backfill: row.backfill }),
  ...(row.verdict !== null && { verdict: row.verdict as NonNullable<Run['verdict']> }),
  ...(row.final_error !== null && { finalError: row.final_error }),
  ...(row.deadline_at !== null && { deadlineAt: row.deadline_at as Millis }),
  ...(row.late_at !== null && { lateAt: row.late_at as Millis }),
  createdAt: row.created_at as Millis,
  ...(row.started_at !== null && { startedAt: row.started_at as Millis }),
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
