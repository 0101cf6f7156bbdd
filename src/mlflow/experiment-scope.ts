import type { Permission } from '#access'
import { experimentResource } from '#tracking'
import type { Caller } from './route.ts'

/** Where experiments are looked up; throws `not_found`. */
export interface Experiments {
  get(id: string): Promise<{ readonly id: string; readonly project: string }>
}

/** What a call about an experiment asks permission for. */
export const onExperiment = (experiments: Experiments) => (permission: Permission) =>
  [
    permission,
    async ({ experiment_id }: { experiment_id: string }) => experimentResource(await experiments.get(experiment_id)),
  ] as const

/** Those of the experiments that are there and that the caller may read. */
export async function readable(experiments: Experiments, ids: readonly string[], caller: Caller): Promise<string[]> {
  const found: string[] = []
  for (const id of new Set(ids)) {
    const experiment = await experiments.get(id).catch(() => undefined)
    if (experiment && (await caller.mayRead(experimentResource(experiment)))) found.push(experiment.id)
  }
  return found
}
