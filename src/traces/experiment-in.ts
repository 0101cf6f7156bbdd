import { notFound } from '#kernel/error.ts'
import type { ExperimentOfTraces, Experiments } from './ports.ts'

/** An experiment of the project that another ledger is brought into. Throws `not_found` for one of another. */
export async function experimentIn(experiments: Experiments, project: string, id: string): Promise<ExperimentOfTraces> {
  const found = await experiments.get(id)
  if (found.project !== project) throw notFound('experiment', id)
  return found
}
