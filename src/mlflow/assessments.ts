import { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import type { AssessmentChange } from '#traces'
import type { Declare } from './route.ts'
import { assessedValue, AssessmentFields, AssessmentInput, assessmentDraft, assessmentJson } from './trace-json.ts'
import { onTrace } from './trace-scope.ts'
import type { TraceCallParts } from './traces.ts'

const OneAssessment = z.object({ trace_id: z.string(), assessment_id: z.string() })
const updatable = ['assessment_name', 'expectation', 'feedback', 'rationale', 'metadata', 'valid'] as const
type Updatable = (typeof updatable)[number]

/** What is said of traces. */
export const assessmentCalls =
  ({ traces }: Pick<TraceCallParts, 'traces'>) =>
  (declare: Declare): void => {
    const path = '3.0/mlflow/traces/:trace_id/assessments' as const
    declare({
      method: 'POST',
      path,
      input: z.object({ trace_id: z.string(), assessment: AssessmentInput }),
      may: onTrace(traces)('edit'),
      async handle({ trace_id, assessment }) {
        // The id is the server's, whatever the client says: two assessments may not share one.
        const { id: _, ...draft } = assessmentDraft(assessment)
        return { assessment: assessmentJson(await traces.assess(trace_id, draft)) }
      },
    })

    declare({
      method: 'GET',
      path: `${path}/:assessment_id`,
      input: OneAssessment,
      may: onTrace(traces)('read'),
      handle: async ({ trace_id, assessment_id }) => ({
        assessment: assessmentJson(await traces.assessment(trace_id, assessment_id)),
      }),
    })

    declare({
      method: 'PATCH',
      path: `${path}/:assessment_id`,
      input: OneAssessment.extend({
        assessment: AssessmentFields,
        update_mask: z.union([z.string(), z.object({ paths: z.array(z.string()) })]),
      }),
      may: onTrace(traces)('edit'),
      async handle({ trace_id, assessment_id, assessment, update_mask }) {
        const change = changeOf(assessment, pathsOf(update_mask))
        return { assessment: assessmentJson(await traces.reassess(trace_id, assessment_id, change)) }
      },
    })

    declare({
      method: 'DELETE',
      path: `${path}/:assessment_id`,
      input: OneAssessment,
      may: onTrace(traces)('edit'),
      async handle({ trace_id, assessment_id }) {
        await traces.withdraw(trace_id, assessment_id)
        return {}
      },
    })
  }

/** A mask is one text in protobuf's JSON, its names in camelCase there. */
function pathsOf(mask: string | { paths: readonly string[] }): ReadonlySet<Updatable> {
  const names = (typeof mask === 'string' ? mask.split(',') : mask.paths)
    .map(name => name.trim().replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`))
    .filter(name => name !== '')
  const unknown = names.find(name => !updatable.some(known => known === name))
  if (unknown !== undefined)
    throw invalid('The update is not accepted.', [
      { field: 'update_mask', value: unknown, allowed: updatable.join(', ') },
    ])
  return new Set(names as Updatable[])
}

function changeOf(fields: z.output<typeof AssessmentFields>, paths: ReadonlySet<Updatable>): AssessmentChange {
  const { assessment_name: name, rationale, metadata, valid } = fields
  return {
    ...(paths.has('assessment_name') && name !== undefined ? { name } : {}),
    ...(paths.has('feedback') || paths.has('expectation') ? assessedValue(fields) : {}),
    ...(paths.has('rationale') && rationale !== undefined ? { rationale } : {}),
    ...(paths.has('metadata') && metadata ? { metadata } : {}),
    ...(paths.has('valid') && valid !== undefined ? { valid } : {}),
  }
}
