import { z } from 'zod'
import { Name } from '#kernel/wire.ts'
import { columnTypes } from './column-type.ts'
import { path } from './field.ts'

/** A view, or one of its features. */
export const FeatureReference = z.string().regex(/^[a-z][a-z0-9-]*(:[A-Za-z_]\w*)?$/, 'a view, or view:feature')

/** Features that are computed when a request comes, of what only the request knows. */
export const RequestView = z.strictObject({
  entity: Name,
  columns: z
    .record(z.string().regex(/^[A-Za-z_]\w{0,127}$/, 'letters, digits and _'), z.enum(columnTypes))
    .meta({ description: 'What a request brings, and so do the rows of the label: columns, and their types.' }),
  features: z.array(FeatureReference).default([]).meta({
    description: 'Feature views of the same entity, or features of them, that are looked up to compute with.',
  }),
  compute: path.meta({
    description:
      '(7) A SELECT of expressions `FROM request`: of these columns, the features that are looked up, the entity key and `event_time`. What it selects are the features.',
  }),
  owner: z.string().min(1).max(2_000).optional(),
})
