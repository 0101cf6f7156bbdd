import { until, type Field } from './field.ts'
import { disagreements, told } from './oracle.ts'

/** When all runs have ended: what became of their tasks and attempts, and where the oracle says otherwise. */
export async function outcomeOf(field: Field, runs: readonly string[]) {
  await until('all runs have ended', async () => {
    const found = await Promise.all(runs.map(id => field.workflow.run(id).catch(() => undefined)))
    return found.every(one => one?.endedAt !== undefined)
  })
  const tasks = await told(field.workflow, runs)
  return {
    states: [...new Set(tasks.map(({ state }) => state))],
    attempts: [...new Set(tasks.flatMap(({ attempts }) => attempts.map(({ state }) => state)))],
    disagreements: disagreements(tasks, await field.oracle()),
  }
}

export const allWell = { states: ['succeeded'], attempts: ['succeeded'], disagreements: [] }
