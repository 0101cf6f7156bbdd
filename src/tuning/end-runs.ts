import { TrainyardError } from '#kernel/error.ts'
import type { Workflow } from '#workflow'
import type { StoredStudy } from './store.ts'

/** Ends the runs of trials when the run whose task has begun them has ended without them. */
export async function endRuns(
  workflow: Pick<Workflow, 'runs' | 'cancel'>,
  { project, run, experiment }: StoredStudy,
): Promise<void> {
  const pipeline = experiment.slice(0, experiment.lastIndexOf('/'))
  for (const state of ['queued', 'running'] as const) {
    let after: string | undefined
    do {
      const page = await workflow.runs({ project, pipeline, state }, { limit: 200, after })
      const own = page.items.filter(({ cause }) => cause.ref === run)
      for (const { id } of own) await workflow.cancel(id, 'trainyard').catch(unlessEnded)
      after = page.next
    } while (after !== undefined)
  }
}

/** It has ended meanwhile, which is all that was wanted. */
export function unlessEnded(error: unknown): void {
  if (!(error instanceof TrainyardError) || error.code !== 'conflict') throw error
}
