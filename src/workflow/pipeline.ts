import { allTasks, upstream, type PipelineSpec } from '#project'
import { overlapOf } from './overlap.ts'
import { kindOf, type Pipeline, type Run } from './run.ts'
import { firstLook } from './trigger.ts'
import type { Freshness } from './deadline-store.ts'
import type { Millis } from '#kernel/clock.ts'

/** A declared pipeline as people see it: its graph, what starts it, its last run and its next. */
export function pipelineOf(
  name: string,
  pipeline: PipelineSpec,
  { lastRun, fresh, now }: { lastRun: Run | undefined; fresh: Freshness | undefined; now: number },
): Pipeline {
  const { description, triggers, timeout, deadline, freshness } = pipeline
  const tasks = allTasks(pipeline)
  const overlap = overlapOf(pipeline)
  const instants = triggers.flatMap(trigger => firstLook(trigger, now) ?? [])
  return {
    name,
    ...(description !== undefined && { description }),
    tasks: Object.entries(tasks).map(([task, spec]) => ({ name: task, kind: kindOf(spec), needs: upstream(spec) })),
    triggers: triggers.map(trigger => ({ ...trigger })),
    ...(overlap && { overlap }),
    ...(timeout !== undefined && { timeout }),
    ...(deadline !== undefined && { deadline }),
    ...(freshness !== undefined && { freshness: { maxAge: freshness, ...(fresh && ageOf(fresh)) } }),
    ...(lastRun && { lastRun }),
    ...(instants.length > 0 && { nextAt: Math.min(...instants) as Millis }),
  }
}

const ageOf = ({ since, maxAgeMs, staleAt }: Freshness): Omit<NonNullable<Pipeline['freshness']>, 'maxAge'> => ({
  until: (since + maxAgeMs) as Millis,
  ...(staleAt !== undefined && { staleAt: staleAt as Millis }),
})
