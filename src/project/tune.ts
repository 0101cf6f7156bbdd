import { z } from 'zod'
import { keyAllowed, keyCharactersMax, keyPattern } from '#kernel/tracked-key.ts'
import { SearchSpace } from './search-space.ts'

/** How hyperparameters are searched, as JSON: in the project file and in studies that a client makes. */

export const directions = ['minimise', 'maximise'] as const

const startup = z.int().min(1).max(1_000).default(10).meta({ description: 'Trials before there is a model.' })

export const Sampler = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('tpe'),
    startup,
    multivariate: z.boolean().default(true).meta({ description: 'Whether parameters are modelled together.' }),
  }),
  z.strictObject({ type: z.literal('random') }),
  z.strictObject({ type: z.literal('sobol') }),
  z.strictObject({ type: z.literal('cma-es') }),
  z.strictObject({
    type: z.literal('grid'),
    points: z.int().min(1).max(1_000).default(10).meta({ description: 'Values of a parameter that has no steps.' }),
  }),
])
export type SamplerSpec = z.output<typeof Sampler>

const least = z.number().positive().default(1).meta({ description: 'The first step at which a trial may be stopped.' })
const reduction = z.number().min(1.1).max(100).default(3).meta({ description: 'One of so many goes on.' })

export const Pruner = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('median'),
    percentile: z.number().min(1).max(99).default(50).meta({ description: 'The percentage of trials that go on.' }),
    startup: z.int().min(1).default(5).meta({ description: 'Complete trials before one is stopped.' }),
    warmup: z.number().min(0).default(0).meta({ description: 'No trial is stopped before this step.' }),
  }),
  z.strictObject({ type: z.literal('asha'), least, reduction }),
  z.strictObject({
    type: z.literal('hyperband'),
    least,
    most: z.number().positive().meta({ description: 'The last step of a trial.' }),
    reduction,
  }),
])
export type PrunerSpec = z.output<typeof Pruner>

const count = z.int().min(1).max(100_000)

/** What is the same wherever a search is declared. */
export const searchShape = {
  space: SearchSpace,
  metric: z
    .string()
    .min(1)
    .max(keyCharactersMax)
    .regex(keyPattern, keyAllowed)
    .meta({ description: 'The metric that judges a trial.' }),
  direction: z.enum(directions),
  sampler: Sampler.default({ type: 'tpe', startup: 10, multivariate: true }),
  pruner: Pruner.default({ type: 'none' }),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
  patience: count.optional().meta({ description: 'The search ends when so many trials in a row were no better.' }),
}

export const Tune = z
  .strictObject({
    ...searchShape,
    trials: count.default(100),
    parallel: z.int().min(1).max(100).default(1).meta({ description: 'Trials at the same time.' }),
    time: z
      .string()
      .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/, 'a duration such as 90s, 10m, 1.5h or 30d')
      .optional()
      .meta({ description: 'No trial begins after this.' }),
  })
  .meta({ description: 'The task is run once for each trial, with what is tried as further parameters.' })
export type TuneSpec = z.output<typeof Tune>
