import type { ModelVersion } from '#registry'
import type { TaskRun } from '#workflow'

/** The task of a run whose output a version is; none, when a client made it or the files are others. */
export const trainerOf = (tasks: readonly TaskRun[], { digest }: ModelVersion): TaskRun | undefined =>
  tasks.find(({ outputs }) => Object.values(outputs).some(output => output.digest === digest))
