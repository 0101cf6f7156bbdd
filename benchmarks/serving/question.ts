import { join } from 'node:path'
import protobuf from 'protobufjs'

/** What the servers are asked, in the forms that each takes. */

export const features = Array.from({ length: 20 }, (_, i) => `feature_${i}`)

/** Rows of numbers as they come out of a table of FP32. */
export const rowsOf = (count: number): number[][] =>
  Array.from({ length: count }, (_, row) =>
    features.map((_, i) => Number(Math.fround(Math.sin(1 + row * 31 + i * 7)).toPrecision(7))),
  )

export interface Question {
  /** HTTP when it is left out; then `path` is that of a method, and `body` its message. */
  readonly protocol?: 'grpc'
  readonly path: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export const instances = (rows: number): Question => ({
  path: '/v1/models/trees:predict',
  body: JSON.stringify({ instances: rowsOf(rows) }),
})

export const tensors = (rows: number): Question => {
  const values = rowsOf(rows)
  const inputs = features.map((name, i) => ({
    name,
    shape: [rows, 1],
    datatype: 'FP32',
    data: values.map(row => row[i]!),
  }))
  return { path: '/v2/models/trees/infer', body: JSON.stringify({ inputs }) }
}

/** Tensors behind the JSON, and asked for in the same way. */
export const binary = (rows: number): Question => {
  const values = rowsOf(rows)
  const inputs = features.map(name => ({
    name,
    shape: [rows, 1],
    datatype: 'FP32',
    parameters: { binary_data_size: rows * 4 },
  }))
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }))
  const columns = features.map((_, i) => Buffer.from(Float32Array.from(values, row => row[i]!).buffer))
  return {
    path: '/v2/models/trees/infer',
    body: Buffer.concat([head, ...columns]),
    headers: { 'inference-header-content-length': String(head.length) },
  }
}

/** A ModelInferRequest with raw contents, as Triton's client sends it. */
export function grpcTensors(rows: number): Question {
  const values = rowsOf(rows)
  const proto = join(import.meta.dirname, '../../src/serving/server/grpc/inference.proto')
  const message = protobuf.loadSync(proto).lookupType('inference.ModelInferRequest')
  const request = {
    modelName: 'trees',
    inputs: features.map(name => ({ name, datatype: 'FP32', shape: [rows, 1] })),
    rawInputContents: features.map((_, i) => Buffer.from(Float32Array.from(values, row => row[i]!).buffer)),
  }
  return {
    protocol: 'grpc',
    path: '/inference.GRPCInferenceService/ModelInfer',
    body: message.encode(message.create(request)).finish(),
  }
}

export const mlflowTable = (rows: number): Question => ({
  path: '/invocations',
  body: JSON.stringify({ dataframe_split: { columns: features, data: rowsOf(rows) } }),
  headers: { 'content-type': 'application/json' },
})

export const bentoRows = (rows: number): Question => ({
  path: '/predict',
  body: JSON.stringify({ rows: rowsOf(rows) }),
  headers: { 'content-type': 'application/json' },
})
