import { z } from 'zod'
import { Digest, idOf, Instant, Name, pageOf } from '#kernel/wire.ts'

/** Sources, dataset versions and contracts as JSON. */

export const ColumnProfileWire = z
  .object({
    name: z.string(),
    type: z.string(),
    /** Rows, those with a missing value included. */
    count: z.int(),
    missing: z.int(),
    /** Exact below a million rows, an estimate above. */
    distinct: z.int(),
    /** Numbers, dates and instants (as milliseconds) only. */
    min: z.number().optional(),
    max: z.number().optional(),
    mean: z.number().optional(),
    sd: z.number().optional(),
    /** Deciles 0 to 10. */
    quantiles: z.array(z.number()).optional(),
    /** The 20 most frequent values, most frequent first. */
    top: z.array(z.object({ value: z.string(), count: z.int() })),
    /** Most rows on end with the same value: by event time within each key where these are declared, else as read. */
    longestRun: z.int().optional(),
    /** Share of the rows after which no new value came, 0 to 1. Strings with few values only. */
    settledAt: z.number().optional(),
  })
  .meta({ title: 'ColumnProfile' })

export const ExpectationWire = z
  .object({
    column: z.string(),
    type: z.string(),
    /** Largest share of missing values that is allowed. */
    missingMax: z.number(),
    min: z.number().optional(),
    max: z.number().optional(),
    /** Known values of a categorical column; absent for others. */
    values: z.array(z.string()).optional(),
    /** Largest share that one single value may have. */
    topShareMax: z.number().optional(),
    /** Most rows on end that may have the same value; absent when the column never varied. */
    runMax: z.int().optional(),
  })
  .meta({ title: 'Expectation' })

/** Learned from the first version, or declared; what later versions and live requests must keep. */
export const ContractWire = z
  .object({
    columns: z.array(ExpectationWire),
    key: z.array(z.string()),
    rowsMin: z.int(),
    /** Which rows it was learned from, and who said that they are normal. */
    evidence: z
      .object({ version: z.string(), rows: z.int(), at: Instant, actor: z.string(), reason: z.string() })
      .optional(),
  })
  .meta({ title: 'Contract' })

export const violationRules = [
  'column_missing',
  'type',
  'missing_share',
  'range',
  'unknown_value',
  'constant',
  'duplicate_key',
  'empty',
] as const

export const ViolationWire = z
  .object({
    column: z.string(),
    rule: z.enum(violationRules),
    /** What was found, as a sentence: `−1 in 365 of 365 rows, first in row 1`. */
    found: z.string(),
    allowed: z.string(),
    rows: z.int(),
  })
  .meta({ title: 'Violation' })

export const DatasetVersionWire = z
  .object({
    id: idOf<'dataset_version'>('dsv'),
    project: Name,
    source: Name,
    version: z.int().positive(),
    /** Parquet bytes. */
    digest: Digest,
    /** The bytes that were read at the source. */
    raw: Digest.optional(),
    origin: z.string(),
    rows: z.int(),
    bytes: z.int(),
    columns: z.array(ColumnProfileWire),
    verdict: z.enum(['unchecked', 'kept', 'broken']),
    violations: z.array(ViolationWire),
    run: z.string().optional(),
    createdAt: Instant,
  })
  .meta({ title: 'DatasetVersion' })
export const DatasetVersionPage = pageOf(DatasetVersionWire)

export const SourceWire = z
  .object({
    project: Name,
    name: Name,
    type: z.string(),
    latest: DatasetVersionWire.optional(),
    contract: ContractWire.optional(),
    versions: z.int(),
  })
  .meta({ title: 'Source' })
export const SourceList = z.object({ items: z.array(SourceWire) })
export const ArrivalWire = z.object({ digest: Digest, bytes: z.int(), at: Instant })
export const AcceptBody = z.object({ reason: z.string().min(1).max(1_000) })
/** Dates and instants are ISO text. */
export const SampleWire = z
  .object({
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    rows: z.array(z.record(z.string(), z.unknown())),
  })
  .meta({ title: 'Sample' })
