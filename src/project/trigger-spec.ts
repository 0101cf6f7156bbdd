import { z } from 'zod'
import { Name } from '#kernel/wire.ts'
import { duration, paramName, Scalar } from './field.ts'

/** What starts a pipeline without a person. docs/triggers.md tells when exactly. */

const common = {
  name: Name.optional().meta({
    description: 'Its name among the triggers of the pipeline; else its kind, and a number from the second on.',
  }),
  params: z.record(paramName, Scalar).optional().meta({ description: 'Values for parameters that the tasks declare.' }),
}

const missed = {
  missed: z.enum(['latest', 'skip', 'all']).optional().meta({
    description: 'What becomes of ticks while no server ran. `latest` (the default): the last one is made up for.',
  }),
  missedMax: z.int().min(1).max(1_000).optional().meta({ description: 'With `all`: how many of the last; 10.' }),
}

const localTime = z.iso.datetime({ local: true, offset: false, precision: -1 })

const calm = {
  debounce: duration
    .optional()
    .meta({ description: 'Wait until nothing has come for so long, ten times as long at most.' }),
  minInterval: duration.optional().meta({ description: 'The least time from one run to the next.' }),
}

const atom = z.union([z.string().max(1_000), z.number(), z.boolean()])
const condition = z.union([
  atom,
  z.array(atom).min(1).max(100),
  z.strictObject({
    not: atom.optional(),
    gt: z.number().optional(),
    gte: z.number().optional(),
    lt: z.number().optional(),
    lte: z.number().optional(),
  }),
])
const where = z.record(z.string().min(1).max(200), condition).optional().meta({
  description:
    'What the data must hold, by path (`run.state`): a value, a list of which it is one, or `{ gt, gte, lt, lte, not }`. All must hold.',
})

export const Trigger = z.discriminatedUnion('on', [
  z.strictObject({
    on: z.literal('schedule'),
    cron: z.string().max(100),
    timeZone: z.string().max(64).default('UTC'),
    ...missed,
    ...common,
  }),
  z.strictObject({
    on: z.literal('interval'),
    every: duration.meta({ description: 'A second or more; ticks are multiples of it since 1970-01-01T00:00Z.' }),
    ...missed,
    ...common,
  }),
  z
    .strictObject({
      on: z.literal('calendar'),
      start: localTime.meta({
        description:
          'The first local time that can be: 2026-01-30T06:30. Its time of day is that of all that the rule names.',
      }),
      rule: z.string().max(500).optional().meta({
        description: 'A recurrence of RFC 5545, daily or rarer: `FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1`.',
      }),
      dates: z
        .array(localTime)
        .min(1)
        .max(1_000)
        .optional()
        .meta({ description: 'Further local times, or all without a rule.' }),
      except: z
        .array(z.union([z.iso.date(), localTime]))
        .max(1_000)
        .optional()
        .meta({
          description: 'Days (2026-12-24) and local times that are left out.',
        }),
      timeZone: z.string().max(64).default('UTC'),
      ...missed,
      ...common,
    })
    .meta({ description: 'The local times of a calendar: a recurrence and dates, without holidays.' }),
  z.strictObject({
    on: z.literal('push'),
    branch: z
      .string()
      .max(200)
      .default('main')
      .meta({ description: '`*` stands for any text without a slash, `**` for any.' }),
    paths: z
      .array(z.string().min(1).max(400))
      .min(1)
      .optional()
      .meta({ description: 'One of these files must have changed: `data/**`, `train.py`.' }),
    ...common,
  }),
  z
    .strictObject({ on: z.literal('data'), source: Name, ...calm, ...common })
    .meta({ description: 'New raw data has arrived at the source.' }),
  z
    .strictObject({
      on: z.literal('dataset'),
      sources: z.array(Name).min(1).max(100),
      match: z.enum(['any', 'all']).optional().meta({
        description: 'Whether one source with a new version is enough (`any`, the default) or each must have one.',
      }),
      ...calm,
      ...common,
    })
    .meta({ description: 'Sources have new dataset versions.' }),
  z.strictObject({ on: z.literal('event'), type: z.string().max(100), where, ...common }),
  z
    .strictObject({
      on: z.literal('webhook'),
      events: z
        .array(z.string().min(1).max(100))
        .min(1)
        .optional()
        .meta({ description: 'Kinds of deliveries, as their header names them: `push`, `Push Hook`.' }),
      where,
      ...common,
    })
    .meta({ description: 'A signed POST from a forge or a program.' }),
])

export type TriggerSpec = z.output<typeof Trigger>
export type Calendar = Extract<TriggerSpec, { on: 'calendar' }>
