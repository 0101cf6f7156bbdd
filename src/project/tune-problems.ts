import type { Path } from './path.ts'
import type { Report } from './report.ts'
import { searchSpaceProblems } from './search-space.ts'
import { tunedOutput } from './task-edges.ts'
import type { TaskSpec } from './task-spec.ts'

/** What is wrong with the search that a task declares. */
export function tuneProblems(
  { uses, approval, forEach, outputs, params, tune }: TaskSpec,
  path: Path,
  report: Report,
): void {
  if (!tune) return
  if (uses || approval) report([...path, 'tune'], uses, 'nothing: only run and function tasks are tuned')
  if (forEach !== undefined) report([...path, 'tune'], undefined, 'nothing: a task is tuned or called for each item')
  if ((Array.isArray(outputs) ? outputs : Object.keys(outputs)).includes(tunedOutput))
    report([...path, 'outputs'], tunedOutput, 'another name: this is the output with the best parameters')
  for (const name of Object.keys(params))
    if (Object.hasOwn(tune.space, name)) report([...path, 'params', name], params[name], 'nothing: it is searched for')
  searchSpaceProblems(tune.space, [...path, 'tune', 'space'], report)
}
