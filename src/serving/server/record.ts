import { outputKey } from '#registry/wire.ts'
import type { Column } from './bind.ts'
import type { RouteLog } from '../routes-file.ts'
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
  readonly features: readonly string[]
  readonly columns: readonly Column[]
  readonly outputs: readonly OutputColumn[]
  readonly error?: string
  /** What is written down of a deployment's requests, and whether the lot fell on this one. */
  readonly rules: RouteLog
  readonly isDrawn: boolean
}

/** The lines of a request, each with its line feed. Names are those of the log's columns (collector.ts reads them). */
export function logLines(request: AnsweredRequest): string {
  const { deployment, revision, version, receivedAt, latencyMs, isForced, error, rules, isDrawn } = request
  const common = `"deployment":${JSON.stringify(deployment)},"revision":"${revision}","version":"${version}","received_at":${receivedAt},"latency_ms":${latencyMs.toFixed(3)},"forced":${isForced}${rules.oneIn === 1 ? '' : `,"inclusion":${1 / rules.oneIn},"drawn":${isDrawn}`}${error === undefined ? '' : `,"error":${JSON.stringify(error)}`}`
  const featureKeys = request.features.map(name => `${JSON.stringify(name)}:`)
  const shown = showersOf(request)
  const outputKeys = request.outputs.map(({ name, width }) =>
    Array.from({ length: width }, (_, column) => `${JSON.stringify(outputKey(name, width, column))}:`),
  )
  let lines = ''
  for (let row = 0; row < request.ids.length; row++) {
    const key = request.keys ? `"key":${JSON.stringify(request.keys[row])},` : ''
    const features = featuresOf(request, { keys: featureKeys, shown }, row)
    lines += `{"id":"${request.ids[row]}","row":${row},${key}"event_time":${request.at?.[row] ?? receivedAt},"features":${features},"outputs":${outputsOf(request, outputKeys, row)},${common}}\n`
  }
  return lines
}

type Value = Column[number]
type Shower = ((value: Value) => string) | undefined

/** How each value is written down; undefined for what is left out. */
function showersOf({ features, rules }: AnsweredRequest): readonly Shower[] {
  const { leaveOut, redact } = rules
  if (leaveOut.length === 0 && redact.length === 0) return features.map(() => valueText)
  return features.map(name => (leaveOut.includes(name) ? undefined : redact.includes(name) ? hashText : valueText))
}

const hashText = (value: Value): string => (Number.isNaN(value) ? 'null' : JSON.stringify(redacted(String(value))))

/** `keys`: the names as members of an object, made once for all rows. */
function featuresOf(
  { columns }: AnsweredRequest,
  { keys, shown }: { keys: readonly string[]; shown: readonly Shower[] },
  row: number,
): string {
  let text = ''
  for (let i = 0; i < keys.length; i++) {
    const show = shown[i]
    if (show) text += `${text === '' ? '{' : ','}${keys[i]}${show(columns[i]![row]!)}`
  }
  return text === '' ? '{}' : `${text}}`
}

function outputsOf({ outputs }: AnsweredRequest, keys: readonly (readonly string[])[], row: number): string {
  let text = ''
  for (const [index, { width, values }] of outputs.entries()) {
    for (let column = 0; column < width; column++)
      text += `${text === '' ? '{' : ','}${keys[index]![column]}${valueText(values[row * width + column]!)}`
  }
  return text === '' ? '{}' : `${text}}`
}

const valueText = (value: number | bigint | string | boolean): string =>
  typeof value === 'string' ? JSON.stringify(value) : Number.isNaN(value) ? 'null' : String(value)
