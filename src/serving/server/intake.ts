import { instantOf } from '#kernel/id.ts'
import { rowsMax, checkValue, positionsOf, show } from './bind.ts'
import { json, type Call, type Reply } from './call.ts'
import { requireObject, type Members } from './json-body.ts'
import type { PredictionLog } from './prediction-log.ts'
import { admit, askable, type PredictorParts } from './predictor.ts'
import { logLines } from './record.ts'
import { badRequest, RequestError } from './request-error.ts'
import type { LiveDeployment, LiveRevision } from './route-table.ts'

/**
 * Predictions that copies of a deployment's revisions have made elsewhere, told afterwards: lines as the log has them. What
 * is told twice is in the log once, by its id.
 */

export const intakePath = /^\/v2\/models\/([^/]+)\/predictions\/?$/

export interface IntakeParts extends Pick<PredictorParts, 'table' | 'rates' | 'metrics'> {
  readonly log: Pick<PredictionLog, 'append'> | undefined
}

/** How far back a prediction may have been made, and how much a clock may be ahead, in milliseconds. */
const pastMsMax = 31 * 86_400_000
const aheadMsMax = 3_600_000
/** Refused lines that are named in an answer. */
const namedMax = 100

/**
 * Writes down what it understands, and answers how much that was and what is wrong with the rest: one bad line may not
 * hold up those after it. What is answered as taken survives the end of this process. Throws `RequestError`.
 */
export async function takeIn(parts: IntakeParts, call: Call, name: string): Promise<Reply> {
  if (call.method !== 'POST') throw new RequestError('wrong_method', 'Predictions are told with POST.')
  if (!parts.log) throw new RequestError('unavailable', 'This server keeps no log of predictions: tell the platform.')
  const deployment = askable(parts.table, { deployment: name, caller: call.caller })
  if (deployment.limits.clientRate !== undefined) await admit(parts.rates, deployment, call.caller)
  const texts = call.body.toString().split('\n')
  const given = texts.flatMap((text, index) => (text.trim() === '' ? [] : [{ text, line: index + 1 }]))
  if (given.length > rowsMax) throw new RequestError('too_large', `${given.length} lines, expected at most ${rowsMax}.`)
  const refused: { line: number; error: string }[] = []
  const lines: string[] = []
  const now = Date.now()
  for (const { text, line } of given) {
    try {
      lines.push(lineOf(deployment, text, now))
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      refused.push({ line, error: error.message })
    }
  }
  if (lines.length > 0) await parts.log.append(lines.join(''))
  const { startedAt } = call.course
  const seconds = (performance.now() - startedAt) / 1_000
  parts.metrics.observe({ deployment: deployment.name, revision: '', protocol: 'intake', status: 200, seconds })
  return json({ taken: lines.length, refused: refused.length, errors: refused.slice(0, namedMax) })
}

function lineOf(deployment: LiveDeployment, text: string, now: number): string {
  const told = read(text)
  const revision = revisionOf(deployment, told['revision'])
  const features = featuresOf(told['features'], revision)
  const outputs = Object.entries(scalars('outputs', told['outputs'], outputsMax))
  const { key, error } = told
  return logLines({
    ids: [requireId(told['id'], now)],
    deployment: deployment.name,
    revision: revision.id,
    version: revision.version,
    keys: key === undefined ? undefined : [requireText('key', key, keyMax)],
    at: [requireWhole('event_time', told['event_time'])],
    receivedAt: requireMade('received_at', requireWhole('received_at', told['received_at']), now),
    latencyMs: requireLatency(told['latency_ms']),
    isForced: true,
    signature: { inputs: features.map(([input]) => ({ name: input, datatype: '', shape: [] })), outputs: [] },
    columns: features.map(([, value]) => [value]),
    outputs: outputs.map(([name, value]) => ({ name, datatype: '', width: 1, values: [value!] })),
    ...(error === undefined ? {} : { error: requireText('error', error, errorMax) }),
    rules: { ...deployment.log, oneIn: oneInOf(told['inclusion']) },
    isDrawn: told['drawn'] !== false,
    isGiven: true,
    row: requireRow(told['row']),
  })
}

const [keyMax, errorMax, textMax, outputsMax, featuresMax] = [200, 10_000, 65_536, 1_000, 10_000] as const

function read(text: string): Members {
  try {
    return requireObject(JSON.parse(text), 'Expected an object')
  } catch (error) {
    if (error instanceof RequestError) throw error
    throw badRequest(`It is not JSON: ${(error as Error).message}`)
  }
}

type AnyRevision = Pick<LiveRevision, 'id' | 'version'> & Partial<Pick<LiveRevision, 'model'>>

function revisionOf({ name, revisions, former }: LiveDeployment, id: unknown): AnyRevision {
  const found: AnyRevision | undefined =
    revisions.find(revision => revision.id === id) ?? former.find(revision => revision.id === id)
  if (found) return found
  throw badRequest(`revision: ${show(id)} is none of ${name}.`)
}

/** Of a revision that is loaded each must be an input and of its type; of another that cannot be told any more. */
function featuresOf(given: unknown, { model }: AnyRevision): readonly (readonly [string, string | number | bigint])[] {
  const features = Object.entries(scalars('features', given, featuresMax))
  const signature = model?.manifest.signature
  return features.map(([name, value]) => {
    const input = signature?.inputs[positionsOf(signature).get(name) ?? -1]
    if (signature && !input) throw badRequest(`features: ${show(name)} is no input of this revision.`)
    if (value === null) return [name, NaN]
    const checked = input ? checkValue(value, input.datatype) : typeof value === 'boolean' ? Number(value) : value
    if (checked === undefined) throw badRequest(`features.${name}: ${show(value)} is not of ${input!.datatype}.`)
    return [name, checked]
  })
}

function scalars(field: string, given: unknown, membersMax: number): Record<string, number | string | boolean | null> {
  const members = requireObject(given, `${field}: expected an object`)
  const entries = Object.entries(members)
  if (entries.length > membersMax)
    throw badRequest(`${field}: ${entries.length} members, expected at most ${membersMax}.`)
  const bad = entries.find(([, value]) => !isScalar(value) || (value === null && field === 'outputs'))
  if (!bad) return members as Record<string, number | string | boolean | null>
  throw badRequest(`${field}.${bad[0]}: ${show(bad[1])} is not a text, a finite number or a truth value.`)
}

const isScalar = (value: unknown): boolean =>
  value === null ||
  typeof value === 'boolean' ||
  Number.isFinite(value) ||
  (typeof value === 'string' && value.length <= textMax)

function requireId(value: unknown, now: number): string {
  if (
    typeof value !== 'string' ||
    !/^prd_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value)
  )
    throw badRequest(`id: ${show(value)} is not prd_ and a UUID of version 7.`)
  requireMade('id', instantOf(value)!, now)
  return value
}

function requireMade(field: string, at: number, now: number): number {
  if (at >= now - pastMsMax && at <= now + aheadMsMax) return at
  throw badRequest(`${field}: made at ${at}, expected within the last 31 days.`)
}

function requireText(field: string, value: unknown, charactersMax: number): string {
  if (typeof value === 'string' && value.length <= charactersMax) return value
  throw badRequest(`${field}: ${show(value)} is not a text of at most ${charactersMax} characters.`)
}

function requireWhole(field: string, value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number
  throw badRequest(`${field}: ${show(value)} is not a whole number of milliseconds since 1970.`)
}

function requireLatency(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1e9) return value
  throw badRequest(`latency_ms: ${show(value)} is not a number of milliseconds.`)
}

/** Whoever keeps one request in so many says with what chance each was kept. */
function oneInOf(inclusion: unknown): number {
  if (inclusion === undefined) return 1
  if (typeof inclusion === 'number' && inclusion > 0 && inclusion <= 1) return Math.round(1 / inclusion)
  throw badRequest(`inclusion: ${show(inclusion)} is not a chance, above 0 and at most 1.`)
}

function requireRow(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < rowsMax) return value as number
  throw badRequest(`row: ${show(value)} is not a whole number from 0 to ${rowsMax - 1}.`)
}
