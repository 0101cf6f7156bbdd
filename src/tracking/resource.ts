import type { TrackingRun } from './tracking-run.ts'

/** What permission is asked for: an experiment, also for what is in it. */
export interface ExperimentResource {
  readonly project: string
  readonly kind: 'experiment'
  readonly id: string
}

export const experimentResource = ({ id, project }: { id: string; project: string }): ExperimentResource => ({
  project,
  kind: 'experiment',
  id,
})

/** Of a run, a logged model. */
export const ownerResource = ({
  project,
  experimentId,
}: Pick<TrackingRun, 'project' | 'experimentId'>): ExperimentResource => ({
  project,
  kind: 'experiment',
  id: experimentId,
})
