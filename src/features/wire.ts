import { z } from 'zod'
import { Digest, idOf, Instant, Name, pageOf } from '#kernel/wire.ts'
import { valueTypes } from './expression/expression.ts'

/** Feature views, versions, training sets and online rows as JSON. */

export const FeatureVersionWire = z
  .object({
    id: idOf<'feature_version'>('ftv'),
    project: Name,
    view: Name,
    version: z.int().positive(),
    /** Parquet: entity key, event_time, features. */
    digest: Digest,
    /** The rules as versioned artifacts, steps (6) and (7). */
    transform: Digest,
    engineer: Digest,
    dataset: z.string(),
    rows: z.int(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    from: Instant.optional(),
    to: Instant.optional(),
    run: z.string().optional(),
    createdAt: Instant,
  })
  .meta({ title: 'FeatureVersion' })
export const FeatureVersionPage = pageOf(FeatureVersionWire)

export const FeatureViewWire = z
  .object({
    project: Name,
    name: Name,
    entity: Name,
    key: z.string(),
    source: Name,
    latest: FeatureVersionWire.optional(),
    /** Newest event time in the online store. */
    onlineTo: Instant.optional(),
    onlineRows: z.int(),
  })
  .meta({ title: 'FeatureView' })
export const FeatureViewList = z.object({ items: z.array(FeatureViewWire) })

/**
 * Features that are computed of a request. The file is here as it was: what a model was trained with is what it is
 * asked with. `name` is what a column that is looked up is called in the file.
 */
export const RequestViewWire = z
  .object({
    view: Name,
    path: z.string(),
    sql: z.string(),
    columns: z.record(z.string(), z.enum(valueTypes)),
    reads: z.array(
      z.object({
        view: Name,
        field: z.string(),
        name: z.string(),
        type: z.enum(valueTypes),
        maxAgeMs: z.number().optional(),
      }),
    ),
    fields: z.array(z.string()).meta({ description: 'Those of its features that are meant.' }),
  })
  .meta({ title: 'RequestView' })

export const TrainingSetWire = z
  .object({
    id: idOf<'training_set'>('trs'),
    project: Name,
    service: Name,
    label: Name,
    /** Parquet: entity key, event_time, features, label. */
    digest: Digest,
    features: z.array(z.string()),
    dataset: z.string(),
    featureVersions: z.array(z.string()),
    requests: z.array(RequestViewWire).optional(),
    rows: z.int(),
    run: z.string().optional(),
    createdAt: Instant,
  })
  .meta({ title: 'TrainingSet' })

/** `at`: the instant as of which the features are read; now when absent. */
export const OnlineReadBody = z.object({
  service: Name,
  keys: z.array(z.string().max(200)).min(1).max(1_000),
  at: Instant.optional(),
})
export const featureStatuses = ['present', 'not_found', 'expired'] as const
export const OnlineRowWire = z.object({
  key: z.string(),
  status: z.enum(featureStatuses),
  eventTime: Instant.optional(),
  values: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])),
})
export const OnlineReadAnswer = z.object({ rows: z.array(OnlineRowWire) })

/** Which features a service has and where they are looked up. `fields` are columns of the view, in order. */
export const ServiceViewWire = z.object({
  entityKey: z.string(),
  views: z.array(z.object({ view: z.string(), fields: z.array(z.string()), maxAgeMs: z.number().optional() })),
  requests: z.array(RequestViewWire).optional(),
})
