import type { BundleManifest } from '../bundle.ts'
import { bindTensors, show, type Bound, type BoundModel, type GivenTensor } from './bind.ts'
import { single, type Asked, type Call, type Reply } from './call.ts'
import { classified } from './classification.ts'
import { waitIn } from './deadline.ts'
import type { Inference } from './infer.ts'
import { bindJson, readJson, type JsonBody, type Members } from './json-body.ts'
import { readSubjects } from './lookup.ts'
import { isBatchIn } from './priority.ts'
import { badRequest } from './request-error.ts'
import type { OutputColumn } from './runtime.ts'
import { bytesOf, tensorOf, widthOf } from './tensor-bytes.ts'

/** The Open Inference Protocol 2 over REST, with its extensions for binary tensors and classification. */

const lengthHeader = 'inference-header-content-length'

/** Reads an inference request. Throws `RequestError`. */
export function readOip({ headers, body }: Pick<Call, 'headers' | 'body'>): Asked {
  const length = single(headers[lengthHeader])
  if (length === '0') return rawRequest(body)
  const { head, tail } = split(body, length)
  const request = readJson(head, 'The body must be an object with "inputs"')
  const { id, outputs, parameters } = request.members
  if (id !== undefined && typeof id !== 'string') throw badRequest(`"id" must be a text, not ${show(id)}.`)
  const waitMs = waitIn(parameters)
  const isBatch = isBatchIn(parameters)
  const isBinary = (parameters as Members | undefined)?.['binary_data_output'] === true
  const wanted = wantedOutputs(outputs, isBinary)
  return {
    content: manifest => {
      requireOutputs(manifest, wanted)
      return { ...bindBody(manifest, request, tail), ...readSubjects(parameters) }
    },
    waitMs,
    isBatch,
    reply: inference => replyTo(inference, { id, wanted, isBinary }),
  }
}

/** The JSON and the tensors behind it. */
function split(body: Buffer, length: string | undefined): { head: Buffer; tail: Buffer } {
  if (length === undefined) return { head: body, tail: Buffer.alloc(0) }
  const bytes = /^\d{1,10}$/.test(length) ? Number(length) : NaN
  if (!(bytes <= body.length))
    throw badRequest(
      `Header Inference-Header-Content-Length: ${show(length)} is no number of bytes from 0 to ${body.length}, those of the body.`,
    )
  return { head: body.subarray(0, bytes), tail: body.subarray(bytes) }
}

function bindBody(model: BoundModel, request: JsonBody, tail: Buffer): Bound {
  return bindJson(request, ({ inputs = [] }) => {
    if (!Array.isArray(inputs)) throw badRequest('"inputs" must be a list of tensors.')
    let offset = 0
    const tensors = inputs.map((input: unknown) => {
      const tensor = requireTensor(input)
      const { size } = tensor
      if (size === undefined) return tensor
      offset += size
      if (offset <= tail.length) return tensorOf(tensor, tail.subarray(offset - size, offset))
      throw badRequest(
        `Input ${tensor.name}: ${size} bytes are announced, ${tail.length - offset + size} are left behind the JSON.`,
      )
    })
    if (offset < tail.length)
      throw badRequest(
        `${tail.length - offset} bytes behind the JSON belong to no input: see binary_data_size and Inference-Header-Content-Length.`,
      )
    return bindTensors(model, tensors)
  })
}

/** A tensor as it is sent; with `size`, its bytes stand behind the JSON. */
function requireTensor(input: unknown): GivenTensor & { size?: number } {
  if (input === null || typeof input !== 'object' || Array.isArray(input))
    throw badRequest(`An input must be an object with name, shape, datatype and data, not ${show(input)}.`)
  const { name, datatype, shape, data, parameters } = input as Members
  if (typeof name !== 'string') throw badRequest(`An input needs a "name", a text, not ${show(name)}.`)
  if (typeof datatype !== 'string')
    throw badRequest(`Input ${show(name)} needs a "datatype" such as FP32, not ${show(datatype)}.`)
  if (!Array.isArray(shape) || !shape.every(dim => Number.isSafeInteger(dim) && (dim as number) >= 0))
    throw badRequest(`Input ${show(name)} needs a "shape" of whole numbers such as [1,1], not ${show(shape)}.`)
  const { binary_data_size: size, shared_memory_region: region } = parametersOf('Input', name, parameters)
  if (region !== undefined)
    throw badRequest(`Input ${show(name)}: shared memory is not supported, send the data with the request.`)
  if (size === undefined) {
    if (!Array.isArray(data)) throw badRequest(`Input ${show(name)} needs "data", a list, not ${show(data)}.`)
    return { name, datatype, shape: shape as number[], data }
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw badRequest(`Input ${show(name)}: binary_data_size is a number of bytes, not ${show(size)}.`)
  if (data !== undefined) throw badRequest(`Input ${show(name)} has both "data" and binary_data_size: one of them.`)
  return { name, datatype, shape: shape as number[], data: [], size: size as number }
}

/** Those of a tensor; none when they are left out. */
function parametersOf(kind: 'Input' | 'Output', name: string, parameters: unknown): Members {
  if (parameters === undefined) return none
  if (parameters !== null && typeof parameters === 'object' && !Array.isArray(parameters)) return parameters as Members
  throw badRequest(`${kind} ${show(name)}: "parameters" must be an object, not ${show(parameters)}.`)
}

const none: Members = {}

/** The body is the data of the only input, and all outputs come back in bytes. */
function rawRequest(body: Buffer): Asked {
  return {
    content: model => {
      const { inputs } = model.signature
      const [input] = inputs
      if (inputs.length !== 1 || !input)
        throw badRequest(`A raw request is for models with one input; this one has ${inputs.length}.`)
      const { name, datatype } = input
      const width = widthOf(datatype)
      const tensor =
        width === undefined
          ? { name, datatype, shape: [1], data: [body.toString()] }
          : tensorOf({ name, datatype, shape: [Math.ceil(body.length / width)] }, body)
      return { ...bindTensors(model, [tensor]), keys: undefined, at: undefined }
    },
    reply: inference => replyTo(inference, { id: undefined, wanted: undefined, isBinary: true }),
  }
}

/** An output that a request asks for by name. */
interface WantedOutput {
  readonly isBinary: boolean
  /** How many of the best classes, instead of the values. */
  readonly classes: number | undefined
}

type Wanted = ReadonlyMap<string, WantedOutput> | undefined

function wantedOutputs(outputs: unknown, isBinary: boolean): Wanted {
  if (outputs === undefined) return undefined
  if (!Array.isArray(outputs)) throw badRequest(`"outputs" must be a list, not ${show(outputs)}.`)
  const wanted = outputs.map((output: unknown) => {
    const { name, parameters } = (output ?? {}) as Members
    if (typeof name !== 'string') throw badRequest('Each of "outputs" needs a "name".')
    const { binary_data: binary, classification: classes } = parametersOf('Output', name, parameters)
    if (classes !== undefined && !(Number.isSafeInteger(classes) && (classes as number) > 0))
      throw badRequest(`Output ${name}: classification is a number of classes from 1 on, not ${show(classes)}.`)
    return [name, { isBinary: binary === undefined ? isBinary : binary === true, classes: classes as number }] as const
  })
  return wanted.length > 0 ? new Map(wanted) : undefined
}

/** Refuses outputs that nobody makes. Which ones serving code adds is only known when it has run. */
export function requireOutputs(
  { signature, serving }: BundleManifest,
  wanted: Pick<ReadonlyMap<string, unknown>, 'keys'> | undefined,
): void {
  if (!wanted || serving !== undefined) return
  for (const name of wanted.keys()) {
    if (signature.outputs.some(output => output.name === name)) continue
    const known = signature.outputs.map(output => output.name).join(', ')
    throw badRequest(`Output ${show(name)} is unknown; the outputs are ${known}.`, 'unknown')
  }
}

interface Form {
  readonly id: string | undefined
  readonly wanted: Wanted
  readonly isBinary: boolean
}

function replyTo(inference: Inference, { id, wanted, isBinary }: Form): Reply {
  const { deployment, revision, rows } = inference
  const tail: Buffer[] = []
  const outputs = (wanted ? inference.outputs.filter(({ name }) => wanted.has(name)) : inference.outputs).map(
    output => {
      const form = wanted?.get(output.name) ?? { isBinary, classes: undefined }
      const { head, values } = tensorHead(output, { rows, classes: form.classes })
      if (!form.isBinary) return { ...head, data: values }
      const bytes = bytesOf(head.datatype, values)
      tail.push(bytes)
      return { ...head, parameters: { binary_data_size: bytes.length } }
    },
  )
  const text = JSON.stringify({
    model_name: deployment.name,
    model_version: String(revision.number),
    ...(id === undefined ? {} : { id }),
    parameters: answerParameters(inference),
    outputs,
  })
  if (tail.length === 0) return { status: 200, body: text }
  const head = Buffer.from(text)
  return {
    status: 200,
    body: Buffer.concat([head, ...tail]),
    type: 'application/octet-stream',
    headers: { [lengthHeader]: String(head.length) },
  }
}

/** Name, datatype and shape of an output as it is sent, and its values. */
export function tensorHead(
  output: OutputColumn,
  { rows, classes }: { rows: number; classes: number | undefined },
): {
  head: { name: string; datatype: string; shape: readonly number[] }
  values: OutputColumn['values']
} {
  const { name, datatype, width, values } = classes === undefined ? output : classified(output, classes)
  const isList = width === 1 && datatype === 'BYTES' && classes === undefined
  return { head: { name, datatype, shape: isList ? [rows] : [rows, width] }, values }
}

/** Parameters are flat in the protocol: of several rows the ids are a list as text. */
export const answerParameters = ({
  ids,
  revision,
  filled,
}: Pick<Inference, 'ids' | 'revision' | 'filled'>): Record<string, string> => ({
  prediction_id: ids.length === 1 ? ids[0]! : JSON.stringify(ids),
  revision: revision.id,
  model_version: revision.version,
  ...(filled.length > 0 && { filled: filled.join() }),
})
