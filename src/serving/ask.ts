import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import type { Row } from '#storage'
import { priorityHeader } from './server/priority.ts'
import type { Supervisor } from './supervisor.ts'

export interface Question {
  readonly deployment: string
  /** By column: inputs of the model, the key of its entity, `event_time`; others are not looked at. */
  readonly rows: readonly Row[]
  readonly signal: AbortSignal
}

/** The answer to one row: its prediction's id, and the value of each output, of a single one under `prediction`. */
export type Answer = Readonly<Record<string, unknown>> & { readonly prediction_id: string }

const timeoutMs = 120_000
const pauseMs = 1_000
/** A model server that is being replaced, or that turns away who can wait, is back or has room within this time. */
const patienceMs = 120_000
const busy: readonly number[] = [429, 503]

/**
 * Asks a deployment about rows, in their order, and waits while there is too much to do. Throws `invalid` with the words of
 * the model server when it refuses a row, `task_failed` when the model fails, `unavailable` when nobody answers.
 */
export async function ask(supervisor: Pick<Supervisor, 'ask'>, question: Question): Promise<readonly Answer[]> {
  const body = JSON.stringify({ dataframe_records: question.rows })
  const headers = {
    'content-type': 'application/json',
    'x-trainyard-deployment': question.deployment,
    [priorityHeader]: 'batch',
  }
  for (const until = Date.now() + patienceMs; ; await sleep(pauseMs, undefined, { signal: question.signal })) {
    question.signal.throwIfAborted()
    const answer = await supervisor
      .ask({ method: 'POST', path: '/invocations', headers, body, timeoutMs })
      .catch((error: unknown) => ({ status: 503, text: JSON.stringify({ error: messageOf(error) }) }))
    if (answer.status === 200) return answersOf(Accepted.parse(JSON.parse(answer.text)))
    if (!busy.includes(answer.status) || Date.now() > until) throw refused(answer)
  }
}

const Accepted = z.object({ predictions: z.array(z.unknown()), prediction_ids: z.array(z.string()) })
/** What every refusal of the model server has, whether by a protocol or before one is known. */
const Refused = z.object({ error: z.string() })

const answersOf = ({ predictions, prediction_ids: ids }: z.output<typeof Accepted>): readonly Answer[] =>
  predictions.map((value, row) => ({ ...(isByName(value) ? value : { prediction: value }), prediction_id: ids[row]! }))

const isByName = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function refused({ status, text }: { status: number; text: string }): TrainyardError {
  const { error: message } = Refused.parse(JSON.parse(text))
  if (busy.includes(status)) return new TrainyardError('unavailable', message)
  return status < 500 ? invalid(message) : new TrainyardError('task_failed', message, { cause: { kind: 'error' } })
}
