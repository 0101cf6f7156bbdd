import { toldOf } from './loaded-model.ts'
import type { Tensor } from '#registry'
import { json, type Asked, type Call, type Reply } from './call.ts'
import { show } from './bind.ts'
import type { Inference } from './infer.ts'
import { bindJson, readJson, requireObject } from './json-body.ts'
import { readSubjects } from './lookup.ts'
import { answerHeaders, predictionsOf, rowsOf } from './predictions.ts'
import { badRequest } from './request-error.ts'
import { isModelReady, pictured, type LiveDeployment, type RouteTable } from './route-table.ts'
import { bindTable, tableOfColumns, tableOfInstances } from './table.ts'

/**
 * `/v1/models/<name>`: the REST of TensorFlow Serving, of which KServe's first protocol is a part, and Vertex AI's with
 * it. Rows (`instances`) are answered by rows, columns (`inputs`) by columns.
 */
export function readV1({ body }: Pick<Call, 'body'>): Asked {
  const request = readJson(body, 'The body must be an object with "instances" or "inputs"')
  const { instances, inputs, parameters, signature_name: signatureName } = request.members
  if (signatureName !== undefined && signatureName !== '' && signatureName !== defaultSignature)
    throw badRequest(`"signature_name": ${show(signatureName)}; there is ${defaultSignature} alone.`)
  if ((instances === undefined) === (inputs === undefined))
    throw badRequest('The body must have either "instances", rows, or "inputs", columns.')
  const isByRow = instances !== undefined
  return {
    content: manifest =>
      bindJson(request, members => {
        const table =
          isByRow || Array.isArray(inputs)
            ? tableOfInstances(
                manifest,
                isByRow ? members['instances'] : members['inputs'],
                isByRow ? 'instances' : 'inputs',
              )
            : tableOfColumns(requireObject(members['inputs'], '"inputs" must be a list or an object'), 'inputs')
        const bound = bindTable(manifest, table, { strict: true })
        const { keys, at } = readSubjects(parameters)
        return { ...bound, keys: bound.keys ?? keys, at: bound.at ?? at }
      }),
    reply(inference) {
      const answer = isByRow ? { predictions: predictionsOf(inference) } : { outputs: columnsOf(inference) }
      const body = JSON.stringify({ ...answer, prediction_ids: inference.ids })
      return { status: 200, body, headers: answerHeaders(inference) }
    },
  }
}

/** Of one output its values, of several a list of values for each. */
function columnsOf({ outputs, rows }: Inference): unknown {
  const columns = outputs.map(output => [output.name, rowsOf(output, rows)] as const)
  return columns.length === 1 ? columns[0]![1] : Object.fromEntries(columns)
}

const defaultSignature = 'serving_default'

/** A label names a revision as `@label` does everywhere. */
export const namedV1 = (kind: string | undefined, version: string | undefined): string | undefined =>
  kind === 'labels' ? `@${version}` : version

/** Whether a model is ready, in KServe's words and in those of TensorFlow Serving. */
export function v1Status({ table }: { table: RouteTable }, deployment: LiveDeployment, version?: string): Reply {
  const number = version === undefined ? undefined : pictured(table, deployment, version).number
  const states = table.listed(deployment).filter(state => number === undefined || state.number === number)
  return json({
    name: deployment.name,
    ready: isModelReady(deployment, number === undefined ? undefined : String(number)),
    model_version_status: states.map(({ number: own, problem }) => ({
      version: String(own),
      state: problem === '' ? 'AVAILABLE' : 'END',
      status:
        problem === ''
          ? { error_code: 'OK', error_message: '' }
          : { error_code: 'UNAVAILABLE', error_message: problem },
    })),
  })
}

/** The signature as TensorFlow Serving describes it. */
export function v1Metadata({ table }: { table: RouteTable }, deployment: LiveDeployment, version?: string): Reply {
  const { number, model } = pictured(table, deployment, version)
  const { inputs, outputs } = toldOf(model)
  const described = (tensors: readonly Tensor[]): object =>
    Object.fromEntries(tensors.map(tensor => [tensor.name, tensorInfo(tensor)]))
  const signature = {
    inputs: described(inputs),
    outputs: described(outputs),
    method_name: 'tensorflow/serving/predict',
  }
  return json({
    model_spec: { name: deployment.name, signature_name: '', version: String(number) },
    metadata: { signature_def: { signature_def: { [defaultSignature]: signature } } },
  })
}

const tensorInfo = ({ name, datatype, shape }: Tensor): object => ({
  dtype: tensorflowTypes[datatype] ?? 'DT_INVALID',
  tensor_shape: { dim: shape.map(size => ({ size: String(size), name: '' })), unknown_rank: false },
  name,
})

const tensorflowTypes: Readonly<Record<string, string>> = {
  BOOL: 'DT_BOOL',
  BYTES: 'DT_STRING',
  FP16: 'DT_HALF',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
}
