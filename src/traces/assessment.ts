import { invalid } from '#kernel/error.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Labels } from './label.ts'

/** Feedback says how good something was, an expectation what it should have been, an issue what is wrong with it. */
export const assessmentKinds = ['feedback', 'expectation', 'issue'] as const
export type AssessmentKind = (typeof assessmentKinds)[number]

export interface AssessmentError {
  readonly code?: string
  readonly message?: string
  readonly stackTrace?: string
}

/** What a person, a judge or a program says of a trace or of one of its spans. */
export interface Assessment {
  /** `a-` and 32 hex digits. */
  readonly id: string
  readonly traceId: string
  readonly spanId?: string
  readonly name: string
  readonly kind: AssessmentKind
  /** JSON text of the value; of an issue, its name. */
  readonly value: string
  /** Why there is no value. */
  readonly error?: AssessmentError
  readonly source?: { readonly type: string; readonly id: string }
  readonly rationale?: string
  readonly metadata?: Labels
  /** The assessment that this one takes the place of; that one is not valid while this one is there. */
  readonly overrides?: string
  readonly valid: boolean
  readonly createdAt: Millis
  readonly updatedAt: Millis
}

/** What a change may name. */
export interface AssessmentChange {
  readonly name?: string
  readonly kind?: AssessmentKind
  readonly value?: string
  readonly error?: AssessmentError
  readonly rationale?: string
  /** Merged over what is there. */
  readonly metadata?: Labels
  readonly valid?: boolean
}

/** The assessment after a change. Throws `invalid` when feedback would become an expectation, or the other way. */
export function changed(known: Assessment, { kind, error, ...change }: AssessmentChange, now: Millis): Assessment {
  if (kind !== undefined && kind !== known.kind)
    throw invalid(`Assessment ${known.id} is ${known.kind}, and stays so.`, [
      { field: 'assessment', value: kind, allowed: known.kind },
    ])
  const { error: before, ...rest } = known
  const after = change.value === undefined ? (error ?? before) : error
  return {
    ...rest,
    ...change,
    ...(after === undefined ? {} : { error: after }),
    ...(known.metadata || change.metadata ? { metadata: { ...known.metadata, ...change.metadata } } : {}),
    updatedAt: now,
  }
}
