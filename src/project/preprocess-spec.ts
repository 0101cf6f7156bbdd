import { z } from 'zod'
import { column, datatype, Scalar } from './field.ts'

/** Inputs of a model that its serving code makes of what requests send. */
export const Preprocess = z
  .strictObject({
    takes: z.record(column, datatype).meta({ description: 'Columns that requests send, and their types.' }),
    gives: z
      .array(column)
      .min(1)
      .meta({ description: 'Inputs of the model that it makes of them; one that a request sends itself is not made.' }),
    example: z.record(column, Scalar).meta({
      description: 'A row of these columns. The rehearsal asks it: code that fails at it takes no request.',
    }),
  })
  .refine(
    ({ takes, example }) => Object.keys(takes).toSorted().join('\n') === Object.keys(example).toSorted().join('\n'),
    {
      message: 'a value for each column of `takes`, and for no other',
      path: ['example'],
    },
  )

export type Preprocess = z.output<typeof Preprocess>
