import type { PipelineSpec } from '#project'
import type { RunTask } from '#workflow'

/**
 * The part of a training pipeline that judges, without the part that trains: the same data, features and test rows,
 * and the champion in the place of the trained model. What drift alone starts. Undefined when the pipeline has no
 * evaluation to take over.
 */
export function evaluationPipeline(
  { tasks }: PipelineSpec,
  model: string,
): Readonly<Record<string, RunTask>> | undefined {
  const evaluate = Object.entries(tasks).find(([, task]) => task.uses === 'registry.evaluate')
  if (!evaluate) return undefined
  const [name, task] = evaluate
  const kept: Record<string, RunTask> = {
    champion: { ...task, uses: 'registry.champion', inputs: {}, after: [], params: { model } },
  }
  const judged: RunTask = { ...task, inputs: { ...task.inputs, model: 'champion.model' } }
  const visit = (id: string): void => {
    const needed = tasks[id]
    if (!needed || id in kept) return
    kept[id] = needed
    for (const port of Object.values(needed.inputs)) visit(port.split('.')[0]!)
    for (const other of needed.after) visit(other)
  }
  for (const [input, port] of Object.entries(task.inputs)) if (input !== 'model') visit(port.split('.')[0]!)
  return { ...kept, [name]: judged }
}
