import { z } from 'zod'

/** What one input of a model may be, beyond its type. */
export const InputRule = z
  .strictObject({
    missing: z.enum(['refuse', 'default', 'pass']).default('refuse').meta({
      description:
        'What becomes of a value that is missing (null, NaN, not sent, not in the online store): it is refused, replaced by `default`, or given to the model as NaN.',
    }),
    default: z.union([z.number(), z.string(), z.boolean()]).optional(),
    stale: z.boolean().optional().meta({
      description:
        'Whether a value from the online store is taken that is older than its view allows, or was read before while the store does not answer in time; only where there is none is it missing.',
    }),
    min: z.number().optional(),
    max: z.number().optional(),
    values: z
      .array(z.union([z.number(), z.string()]))
      .min(1)
      .optional()
      .meta({ description: 'The only values that are taken.' }),
  })
  .refine(({ missing, default: value }) => (missing === 'default') === (value !== undefined), {
    message: '`default` with `missing: default`, and with nothing else',
    path: ['default'],
  })
  .refine(({ min = -Infinity, max = Infinity }) => min <= max, { message: '`min` at most `max`', path: ['min'] })

export type InputRule = z.output<typeof InputRule>
/** By the name of the input. */
export type InputRules = Readonly<Record<string, InputRule>>
