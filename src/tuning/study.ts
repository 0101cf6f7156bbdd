import { z } from 'zod'
import { durationMs, durationPattern } from '#kernel/duration.ts'
import type { Id } from '#kernel/id.ts'
import { Name } from '#kernel/wire.ts'
import { parseFields, requireSearchable, searchShape } from '#project'
import type { criteria, StudyWire, TrialWire } from './wire.ts'

export type Study = z.output<typeof StudyWire>
export type StudyId = Id<'study'>
export type Trial = z.output<typeof TrialWire>
export type Criterion = (typeof criteria)[number]

const duration = z.string().regex(durationPattern, 'a duration such as 90s, 10m, 1.5h or 30d')

/** What a study looks for and how: it never changes. */
const StudySpec = z.strictObject({
  name: Name,
  ...searchShape,
  trials: z.int().min(1).max(100_000).default(100),
  time: duration.optional(),
  lease: duration.default('10m').meta({ description: 'A trial of which nothing is heard for so long is given away.' }),
})
export type StudySpec = z.output<typeof StudySpec>

/** Fills in the defaults. Throws `invalid` with every problem. */
export function parseStudy(json: unknown): StudySpec {
  const spec = parseFields(StudySpec, json, 'The study')
  requireSearchable(spec.space)
  return spec
}

/** What the stopping rules of a study go by. */
export interface Standing {
  /** Trials that have ended. */
  readonly ended: number
  /** Trials that ended since the best one did. */
  readonly sinceBest: number
  readonly ageMs: number
}

/** The first rule by which a study ends; undefined while none does. */
export function criterionOf(spec: StudySpec, { ended, sinceBest, ageMs }: Standing): Criterion | undefined {
  if (ended >= spec.trials) return 'trials'
  if (spec.patience !== undefined && sinceBest >= spec.patience) return 'patience'
  return spec.time !== undefined && ageMs >= durationMs(spec.time) ? 'time' : undefined
}

/** Losses are minimised, values are what people see: each from the other. */
export const turned = (spec: Pick<StudySpec, 'direction'>, value: number): number =>
  spec.direction === 'minimise' ? value : -value
