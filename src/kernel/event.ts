import type { z } from 'zod'
import type { Millis } from './clock.ts'

/** A kind of fact that a component announces, in the past tense: `registry.version_registered`. */
export interface EventType<Data> {
  readonly type: string
  readonly schema: z.ZodType<Data>
}

export const defineEvent = <Data>(type: string, schema: z.ZodType<Data>): EventType<Data> => ({ type, schema })

/** One fact, as it stands in the event table. */
export interface Event<Data = unknown> {
  /** Position in the table: dense enough to page by, strictly growing in order of commit. */
  readonly seq: number
  readonly type: string
  readonly at: Millis
  /** The project it belongs to, or undefined for the platform's own. */
  readonly project: string | undefined
  /** Who caused it: a user's name, or `trainyard` for the platform itself. */
  readonly actor: string
  readonly data: Data
}
