import { outputKey } from '#registry/output-key.ts'
import { single, type Call, type Reply } from './call.ts'
import { csvLine } from './csv.ts'
import type { Inference } from './infer.ts'
import { badRequest, RequestError } from './request-error.ts'
import type { Begun } from './text-stream.ts'
import type { OutputColumn } from './runtime.ts'
import type { RouteTable } from './route-table.ts'

/** What the protocols have in common that answer row by row and not tensor by tensor. */

/** Of one output its values; of several, an object for each row. An output of several columns has a list in each row. */
export function predictionsOf({ outputs, rows }: Inference): readonly unknown[] {
  const [first] = outputs
  if (outputs.length === 1) return rowsOf(first!, rows)
  const columns = outputs.map(output => [output.name, rowsOf(output, rows)] as const)
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map(([name, values]) => [name, values[row]])),
  )
}

/** The values of each row. */
export const rowsOf = ({ width, values }: OutputColumn, rows: number): readonly unknown[] =>
  width === 1 ? values : split(values, rows, width)

function split(values: OutputColumn['values'], rows: number, width: number): readonly OutputColumn['values'][] {
  const lists = []
  for (let row = 0; row < rows; row++) lists.push(values.slice(row * width, (row + 1) * width))
  return lists
}

/** Ids of this many predictions go into a header: servers in between allow some kilobytes. */
const headerIdsMax = 50

/** Who has answered, for clients that read nothing but predictions from the body. */
export function answerHeaders({ revision, ids, filled }: Begun): Record<string, string> {
  const headers: Record<string, string> = {
    'x-trainyard-revision': revision.id,
    'x-model-version': String(revision.number),
  }
  if (filled.length > 0) headers['x-trainyard-filled'] = filled.map(encodeURIComponent).join()
  if (ids.length <= headerIdsMax) headers['x-trainyard-prediction-ids'] = ids.join()
  return headers
}

/** The predictions as CSV: a line for each row, a field for each column of each output. */
export function csvReply(inference: Inference, { header }: { header: boolean }): Reply {
  const { outputs, rows } = inference
  const names = outputs.flatMap(({ name, width }) => Array.from({ length: width }, (_, i) => outputKey(name, width, i)))
  const lines = Array.from({ length: rows }, (_, row) =>
    csvLine(outputs.flatMap(({ width, values }) => values.slice(row * width, (row + 1) * width))),
  )
  const text = [...(header ? [csvLine(names)] : []), ...lines].map(line => `${line}\n`).join('')
  return { status: 200, body: text, type: 'text/csv; charset=utf-8', headers: answerHeaders(inference) }
}

/**
 * One of this platform's headers. SageMaker lets but one of the client's through to a container, which has others in it:
 * `x-amzn-sagemaker-custom-attributes: x-trainyard-deployment=rain`.
 */
export function ownHeader(headers: Call['headers'], name: `x-trainyard-${string}`): string | undefined {
  const own = single(headers[name])
  if (own !== undefined) return own
  const attributes = single(headers['x-amzn-sagemaker-custom-attributes'])?.split(/[,;]/) ?? []
  const found = attributes.map(attribute => attribute.trim()).find(attribute => attribute.startsWith(`${name}=`))
  return found?.slice(name.length + 1)
}

/**
 * The deployment that is meant where the address names none: that of the header `x-trainyard-deployment`, else the one
 * in the settings, else the only one that the caller may ask. Throws `RequestError` 400 when that is not clear.
 */
export function meantDeployment(
  table: Pick<RouteTable, 'deployments'>,
  { headers, caller }: Pick<Call, 'headers' | 'caller'>,
  preset: string,
): string {
  const named = ownHeader(headers, 'x-trainyard-deployment') ?? (preset === '' ? undefined : preset)
  if (named !== undefined) return named
  const askable = table.deployments().filter(deployment => caller.asks(deployment))
  if (askable.length === 1) return askable[0]!.name
  if (askable.length === 0) throw new RequestError('not_found', 'There is no deployment that may be asked.')
  const names = askable.map(({ name }) => name).join(', ')
  throw badRequest(
    `Which deployment? Name it in the header x-trainyard-deployment or the setting servingDeployment: ${names}.`,
  )
}
