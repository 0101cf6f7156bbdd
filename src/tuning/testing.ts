import { parseStudy, type StudySpec } from './study.ts'
import { assignmentOf, planeOf, type Assignment, type Plane } from './plane.ts'
import { propose } from './sampler.ts'
import { createHistory } from './trial.ts'

/** A study with all that may be left out left out. */
export const studyOf = (more: object = {}): StudySpec =>
  parseStudy({
    name: 'study',
    space: { x: { type: 'float', low: 0, high: 1 } },
    metric: 'loss',
    direction: 'minimise',
    ...more,
  })

/** Runs trials one after another. Answers what was tried. */
export function search(
  spec: StudySpec,
  trials: number,
  loss: (params: Record<string, never>) => number,
  plane: Plane = planeOf(spec.space),
): { tried: readonly Assignment[]; best: number } {
  const history = createHistory()
  const tried: Assignment[] = []
  let best = Number.POSITIVE_INFINITY
  for (let number = 0; number < trials; number++) {
    const proposal = propose(plane, spec.sampler, { history, number, seed: spec.seed })
    if (!proposal) break
    const params = assignmentOf(plane, proposal.places)
    const value = loss(params as Record<string, never>)
    tried.push(params)
    best = Math.min(best, value)
    history.put({ number, state: 'complete', params, loss: value, step: undefined, note: proposal.note })
  }
  return { tried, best }
}
