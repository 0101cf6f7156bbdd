import type { Signature } from '#registry'
import { outputKey } from '#registry/output-key.ts'
import type { Column } from './bind.ts'
import type { RouteLog } from '../routes-file.ts'
import { givenMark } from '../segment-name.ts'
import { redacted } from './redaction.ts'
import type { OutputColumn } from './runtime.ts'

/** One answered request, as the prediction log keeps it: a line for each row. */
export interface AnsweredRequest {
  readonly ids: readonly string[]
  readonly deployment: string
  readonly revision: string
  /** Id of the model version. */
  readonly version: string
  readonly keys: readonly string[] | undefined
  readonly at: readonly number[] | undefined
  readonly receivedAt: number
  readonly latencyMs: number
  /** Whether the client chose the revision itself: such requests say nothing about the split. */
  readonly isForced: boolean
  readonly signature: Signature
  readonly columns: readonly Column[]
  /** By view, since when the features that were looked up were true. */
  readonly times?: ReadonlyMap<string, readonly (number | undefined)[]> | undefined
  /** Inputs of which values were missing, or old, and have been filled as their rules say. */
  readonly filled?: readonly string[]
  /** What its client calls it. */
  readonly requestId?: string | undefined
  readonly outputs: readonly OutputColumn[]
  readonly error?: string | undefined
  /** What is written down of a deployment's requests, and whether the lot fell on this one. */
  readonly rules: RouteLog
  readonly isDrawn: boolean
  /** Its ids are not of this server's making: whoever made them may say them again. */
  readonly isGiven?: boolean
  /** Which row of a request this one is, where the others are not here. */
  readonly row?: number
}

/** The lines of a request, each with its line feed. Names are those of the log's columns (collector.ts reads them). */
export function logLines(request: AnsweredRequest): string {
  const { deployment, revision, version, receivedAt, latencyMs, isForced, error, rules, isDrawn, isGiven } = request
  const filled = request.filled && request.filled.length > 0 ? `"filled":${JSON.stringify(request.filled)},` : ''
  const named = request.requestId === undefined ? '' : `"request_id":${JSON.stringify(request.requestId)},`
  const common = `${filled}${named}"deployment":${JSON.stringify(deployment)},"revision":"${revision}","version":"${version}","received_at":${receivedAt},"latency_ms":${Math.round(latencyMs * 1_000) / 1_000},"forced":${isForced}${rules.oneIn === 1 ? '' : `,"inclusion":${1 / rules.oneIn},"drawn":${isDrawn}`}${isGiven ? `,${givenMark}` : ''}${error === undefined ? '' : `,"error":${JSON.stringify(error)}`}`
  const members = membersOf(request)
  const outputKeys = outputKeysOf(request)
  const times = request.times && request.times.size > 0 ? request.times : undefined
  let lines = ''
  for (let row = 0; row < request.ids.length; row++) {
    const key = request.keys ? `"key":${JSON.stringify(request.keys[row])},` : ''
    lines += `{"id":"${request.ids[row]}","row":${request.row ?? row},${key}"event_time":${request.at?.[row] ?? receivedAt},"features":${featuresOf(request, members, row)},"outputs":${outputsOf(request, outputKeys, row)},${times ? timesOf(times, row) : ''}${common}}\n`
  }
  return lines
}

function timesOf(times: NonNullable<AnsweredRequest['times']>, row: number): string {
  const known = Array.from(times, ([view, ofRows]) => [view, ofRows[row]] as const)
  return `"feature_times":${JSON.stringify(Object.fromEntries(known))},`
}

type Value = Column[number]

/** How an input is written down. */
interface Member {
  /** Its place in the signature. */
  readonly index: number
  /** `"name":` */
  readonly key: string
  show(value: Value): string
}

const known = new WeakMap<RouteLog, WeakMap<Signature, readonly Member[]>>()

/** What is written down of a request's inputs; found out once for the rules of a deployment and a signature. */
function membersOf({ signature, rules }: AnsweredRequest): readonly Member[] {
  let ofRules = known.get(rules)
  if (!ofRules) known.set(rules, (ofRules = new WeakMap()))
  let members = ofRules.get(signature)
  if (!members) ofRules.set(signature, (members = findMembers(signature, rules)))
  return members
}

const findMembers = ({ inputs }: Signature, { leaveOut, redact }: RouteLog): readonly Member[] =>
  inputs.flatMap(({ name }, index) =>
    leaveOut.includes(name)
      ? []
      : [{ index, key: `${JSON.stringify(name)}:`, show: redact.includes(name) ? hashText : valueText }],
  )

const hashText = (value: Value): string => (Number.isNaN(value) ? 'null' : JSON.stringify(redacted(String(value))))

function featuresOf({ columns }: AnsweredRequest, members: readonly Member[], row: number): string {
  let text = ''
  for (const { index, key, show } of members) text += `${text === '' ? '{' : ','}${key}${show(columns[index]![row]!)}`
  return text === '' ? '{}' : `${text}}`
}

/** How outputs are written down. */
interface OutputKeys {
  readonly outputs: readonly Pick<OutputColumn, 'name' | 'width'>[]
  /** `"name":` of each value of a row. */
  readonly keys: readonly string[]
}

const lastKeys = new WeakMap<Signature, OutputKeys>()

/** The keys of a row's values: those of the last request to the same model, as long as it answers with the same outputs. */
function outputKeysOf({ signature, outputs }: AnsweredRequest): readonly string[] {
  const last = lastKeys.get(signature)
  if (last && areSame(last.outputs, outputs)) return last.keys
  const keys = outputs.flatMap(({ name, width }) =>
    Array.from({ length: width }, (_, column) => `${JSON.stringify(outputKey(name, width, column))}:`),
  )
  lastKeys.set(signature, { outputs: outputs.map(({ name, width }) => ({ name, width })), keys })
  return keys
}

function areSame(some: OutputKeys['outputs'], others: OutputKeys['outputs']): boolean {
  if (some.length !== others.length) return false
  for (let index = 0; index < some.length; index++)
    if (some[index]!.name !== others[index]!.name || some[index]!.width !== others[index]!.width) return false
  return true
}

function outputsOf({ outputs }: AnsweredRequest, keys: readonly string[], row: number): string {
  let text = ''
  let next = 0
  for (const { width, values } of outputs) {
    for (let column = 0; column < width; column++)
      text += `${text === '' ? '{' : ','}${keys[next++]}${valueText(values[row * width + column]!)}`
  }
  return text === '' ? '{}' : `${text}}`
}

const valueText = (value: number | bigint | string | boolean): string =>
  typeof value === 'string' ? JSON.stringify(value) : Number.isNaN(value) ? 'null' : String(value)
