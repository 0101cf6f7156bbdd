import { randomBytes } from 'node:crypto'
import { notFound } from '#kernel/error.ts'
import type { Millis } from '#kernel/clock.ts'
import { changed, type Assessment, type AssessmentChange } from './assessment.ts'
import type { TraceParts } from './ports.ts'
import { labelsOf } from './label.ts'

/** An assessment as it is sent: what the platform adds may be missing. */
export type AssessmentDraft = Omit<Assessment, 'id' | 'traceId' | 'createdAt' | 'updatedAt'> & {
  readonly id?: string | undefined
  readonly createdAt?: Millis | undefined
  readonly updatedAt?: Millis | undefined
}

/** What is said of traces. */
export interface Assessments {
  /** Adds one. The one it overrides is valid no more; throws `not_found` if that is not there. */
  assess(trace: string, draft: AssessmentDraft): Promise<Assessment>
  /** Throws `not_found`. */
  assessment(trace: string, id: string): Promise<Assessment>
  /** Throws `not_found`, or `invalid` if its kind would change. */
  reassess(trace: string, id: string, change: AssessmentChange): Promise<Assessment>
  /** Deletes one; the one that it overrode is valid again. Nothing happens if it is not there. */
  withdraw(trace: string, id: string): Promise<void>
}

export function createAssessments({ store, clock }: Pick<TraceParts, 'store' | 'clock'>): Assessments {
  return {
    async assess(trace, draft) {
      const assessment = newAssessment(trace, draft, clock.now())
      await store.transaction(async tx => {
        if (assessment.overrides !== undefined) {
          const former = await store.holdAssessment(tx, trace, assessment.overrides)
          if (!former) throw noAssessment(trace, assessment.overrides)
          await store.putAssessment(tx, { ...former, valid: false })
        }
        await store.addAssessments(tx, [assessment])
      })
      return assessment
    },

    async assessment(trace, id) {
      const found = await store.assessment(trace, id)
      if (!found) throw noAssessment(trace, id)
      return found
    },

    reassess: (trace, id, change) =>
      store.transaction(async tx => {
        const former = await store.holdAssessment(tx, trace, id)
        if (!former) throw noAssessment(trace, id)
        const metadata = change.metadata ? { metadata: labelsOf(change.metadata) } : {}
        const next = changed(former, { ...change, ...metadata }, clock.now())
        await store.putAssessment(tx, next)
        return next
      }),

    withdraw: (trace, id) =>
      store.transaction(async tx => {
        const former = await store.holdAssessment(tx, trace, id)
        if (!former) return
        const overridden =
          former.overrides === undefined ? undefined : await store.holdAssessment(tx, trace, former.overrides)
        if (overridden) await store.putAssessment(tx, { ...overridden, valid: true })
        await store.removeAssessment(tx, trace, id)
      }),
  }
}

/** Its id and its instants are the platform's, unless the trace comes with assessments that have their own. */
export function newAssessment(
  trace: string,
  { id, createdAt, updatedAt, ...draft }: AssessmentDraft,
  now: Millis,
): Assessment {
  return {
    ...draft,
    ...(draft.metadata ? { metadata: labelsOf(draft.metadata) } : {}),
    id: id ?? `a-${randomBytes(16).toString('hex')}`,
    traceId: trace,
    createdAt: createdAt ?? now,
    updatedAt: updatedAt ?? now,
  }
}

const noAssessment = (trace: string, id: string): Error => notFound('assessment', `${id} of trace ${trace}`)
