import type { Monitor } from './monitor.ts'
import type { Metric } from './performance.ts'
import type { Declarations } from './ports.ts'

/** How a deployment is watched: the objective's metric, and what the project file declares or its defaults. */
export interface WatchRule {
  readonly metric: Metric
  /** A window is full with so many rows. */
  readonly windowRows: number
  /** Inputs whose values are not in the log as they were. */
  readonly hidden: readonly string[]
  /** Share of a window whose truth must be known before performance is judged. */
  readonly labelMaturity: number
}

const defaults = { windowRows: 60, labelMaturity: 0.8 }

export async function watchRule(
  projects: Declarations,
  { project, deployment }: Pick<Monitor, 'project' | 'deployment'>,
): Promise<WatchRule> {
  const { spec } = await projects.current(project)
  const declared = Object.values(spec.monitors).find(monitor => monitor.deployment === deployment)
  const { windowRows, labelMaturity } = declared ?? defaults
  const { leaveOut = [], redact = [] } = spec.deployments?.[deployment]?.log ?? {}
  return { metric: spec.objective.metric, windowRows, labelMaturity, hidden: [...leaveOut, ...redact] }
}
