import type { BundleManifest } from '../bundle.ts'
import { show } from './bind.ts'
import { json, refusal, single, type Asked, type Call, type Reply } from './call.ts'
import { readCsv } from './csv.ts'
import type { Content } from './infer.ts'
import { bindJson, readJson, requireObject, type JsonBody, type Members } from './json-body.ts'
import { readSubjects, type Subjects } from './lookup.ts'
import { answerHeaders, csvReply, predictionsOf } from './predictions.ts'
import { badRequest, RequestError } from './request-error.ts'
import { bindTable, tableOfColumns, tableOfInstances, tableOfRecords, tableOfRows, type Table } from './table.ts'

/** `/invocations`, as MLflow's scoring server and SageMaker's containers have it: JSON or CSV in, JSON or CSV out. */
export function readInvocation({ headers, body }: Pick<Call, 'headers' | 'body'>): Asked {
  const accepted = acceptedType(single(headers.accept))
  return {
    content: contentOf(headers['content-type'], body),
    reply: inference => {
      if (accepted.media === 'text/csv')
        return csvReply(inference, { header: accepted.parameters['header'] === 'present' })
      const reply = json({ predictions: predictionsOf(inference), prediction_ids: inference.ids })
      return { ...reply, headers: answerHeaders(inference) }
    },
  }
}

interface MediaType {
  readonly media: string
  readonly parameters: Readonly<Record<string, string>>
}

/** `text/csv; header=present` */
function mediaType(text: string): MediaType {
  const [media = '', ...rest] = text.split(';').map(part => part.trim().toLowerCase())
  const pairs = rest.map(part => part.split('=').map(side => side.trim().replaceAll('"', '')))
  return { media, parameters: Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value])) }
}

/** The first of the client's types that can be given. */
function acceptedType(accept = '*/*'): MediaType {
  const found = accept
    .split(',')
    .map(mediaType)
    .find(({ media }) => ['*/*', 'application/*', 'application/json', 'text/csv', 'text/*'].includes(media))
  if (found) return found
  throw new RequestError('not_acceptable', `Accept: ${show(accept)}; there is application/json and text/csv.`)
}

function contentOf(contentType: string | undefined, body: Buffer): Content {
  const { media, parameters } = mediaType(contentType ?? 'application/json')
  if (!['utf-8', 'utf8', undefined].includes(parameters['charset']))
    throw new RequestError('unsupported', `Content-Type: charset ${show(parameters['charset'])}; expected utf-8.`)
  if (media === 'application/json') return jsonContent(readJson(body, expected))
  if (media === 'text/csv') {
    const text = body.toString()
    const { header } = parameters
    const said = header === 'present' ? true : header === 'absent' ? false : undefined
    return manifest => bindTable(manifest, readCsv(text, { ...known(manifest), header: said }), { strict: false })
  }
  throw new RequestError('unsupported', `Content-Type: ${show(media)}; expected application/json or text/csv.`)
}

const known = ({ signature, service }: BundleManifest) => ({
  signature,
  names: service ? [service.entityKey] : [],
})

const forms = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const
const expected = `The body must be an object with one of ${forms.join(', ')}`

function jsonContent(request: JsonBody): Content {
  const given = forms.filter(form => request.members[form] !== undefined)
  const [form] = given
  if (!form || given.length > 1) throw badRequest(`${expected}; it has ${given.join(' and ') || 'none of them'}.`)
  const { params } = request.members
  return manifest =>
    bindJson(request, members => {
      const bound = bindTable(manifest, tableOf(manifest, form, members[form]), { strict: false })
      return params === undefined ? bound : { ...bound, ...named(bound, readSubjects(params)) }
    })
}

/** What the parameters say of all rows, where the columns say nothing. */
const named = (bound: Subjects, given: Subjects): Subjects => ({
  keys: bound.keys ?? given.keys,
  at: bound.at ?? given.at,
})

function tableOf(manifest: BundleManifest, form: (typeof forms)[number], value: unknown): Table {
  if (form === 'dataframe_split') return splitTable(requireObject(value, `"${form}" must be an object`))
  if (form === 'dataframe_records') return tableOfRecords(requireList(value, form), form)
  if (form === 'inputs' && !Array.isArray(value))
    return tableOfColumns(requireObject(value, '"inputs" must be a list, or an object with a list for each name'), form)
  return tableOfInstances(manifest, value, form)
}

function splitTable({ columns, data }: Members): Table {
  const names = requireList(columns, 'dataframe_split.columns')
  const bad = names.find(name => typeof name !== 'string')
  if (bad !== undefined) throw badRequest(`dataframe_split.columns: ${show(bad)} is no name of a column.`)
  return tableOfRows(names as string[], requireList(data, 'dataframe_split.data'), 'dataframe_split.data')
}

function requireList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw badRequest(`"${what}" must be a list, not ${show(value)}.`)
}

/** A refusal as clients of MLflow read it, beside the members that all protocols have. */
export const refusedInvocation = (error: unknown, id: string): Reply =>
  refusal(error, id, ({ status, message }) => ({
    error_code: mlflowCodes[status] ?? (status < 500 ? 'INVALID_PARAMETER_VALUE' : 'INTERNAL_ERROR'),
    message,
  }))

const mlflowCodes: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  503: 'TEMPORARILY_UNAVAILABLE',
}
