import type { Clock } from '#kernel/clock.ts'
import { durationMs } from '#kernel/duration.ts'
import type { ProjectFile } from '#project'
import type { Outbox } from '#storage'
import { announcement, type Announcement } from '#storage'
import type { Freshness, FreshnessLimit } from './deadline-store.ts'
import { pipelineStale, runLate } from './events.ts'
import type { Run } from './run.ts'
import type { WorkflowStore } from './store.ts'

const missedMax = 100

/** Tells, once each, of runs that have not ended in time and of pipelines whose last success is too old. Answers when to look again. */
export async function tellMissed({
  store,
  outbox,
  clock,
}: {
  store: Pick<WorkflowStore, 'transaction' | 'nextDeadlineAt' | 'missDeadlines'>
  outbox: Outbox
  clock: Clock
}): Promise<number | undefined> {
  const now = clock.now()
  const next = await store.nextDeadlineAt()
  if (next === undefined || next > now) return next
  await store.transaction(async tx => {
    const { runs, pipelines } = await store.missDeadlines(tx, now, missedMax)
    await outbox.emitAll(tx, [...runs.map(lateOf), ...pipelines.map(staleOf)])
  })
  return store.nextDeadlineAt()
}

/** How old the last success of each pipeline of a project may be, where it says so. */
export const freshnessLimits = ({ pipelines }: Pick<ProjectFile, 'pipelines'>): readonly FreshnessLimit[] =>
  Object.entries(pipelines).flatMap(([pipeline, { freshness }]) =>
    freshness === undefined ? [] : [{ pipeline, maxAgeMs: durationMs(freshness) }],
  )

const lateOf = ({ id, project, pipeline, createdAt, deadlineAt }: Run): Announcement =>
  announcement(runLate, { project, data: { run: id, pipeline, startedAt: createdAt, deadlineAt: deadlineAt! } })

const staleOf = ({ project, pipeline, since, maxAgeMs }: Freshness): Announcement =>
  announcement(pipelineStale, { project, data: { pipeline, since, maxAgeMs } })
