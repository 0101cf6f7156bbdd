import { z } from 'zod'
import type { Millis } from './clock.ts'
import type { Digest as DigestText } from './digest.ts'
import type { Id } from './id.ts'

/** Atoms of every wire schema. Wire schemas are plain JSON: no transforms, so that they print as JSON Schema. */

const uuid7 = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

/** A zod schema for an {@link Id} with this prefix. */
export const idOf = <Kind extends string>(prefix: string): z.ZodType<Id<Kind>, Id<Kind>> =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_${uuid7}$`))
    .meta({ description: `Identifier with prefix ${prefix}_.` }) as never

export const Instant = z
  .int()
  .meta({ description: 'Milliseconds since 1970-01-01T00:00:00Z.' }) as unknown as z.ZodType<Millis, Millis>
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ description: 'SHA-256 in hex.' }) as unknown as z.ZodType<DigestText, DigestText>

export const Int64Wire = z
  .union([z.int(), z.string().regex(/^-?\d{1,19}$/)])
  .meta({ description: 'A whole number of 64 bits: beyond 2^53 its digits as text, which JSON does not round.' })

/** A name that people choose: projects, sources, pipelines, models, deployments. */
export const Name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, starting with a letter, 63 at most')
  .meta({ description: 'Lower-case letters, digits and dashes, starting with a letter, 63 at most.' })

/** Query of every list: `?limit=50&after=<next of the page before>`. */
export const PageQuery = z.object({ limit: z.int().min(1).max(500).default(50), after: z.string().max(200).optional() })

export const pageOf = <Row extends z.ZodType>(row: Row) =>
  z.object({ items: z.array(row), next: z.string().optional() })
