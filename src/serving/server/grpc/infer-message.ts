import { bindTensors, show, type GivenTensor } from '../bind.ts'
import type { Asked } from '../call.ts'
import { waitIn } from '../deadline.ts'
import { isBatchIn } from '../priority.ts'
import type { Inference } from '../infer.ts'
import { readSubjects } from '../lookup.ts'
import { answerParameters, requireOutputs, tensorHead } from '../oip-rest.ts'
import { badRequest } from '../request-error.ts'
import { bytesOf, tensorOf } from '../tensor-bytes.ts'
import { textName } from '../text-stream.ts'
import type { InferParameter, Int64, ModelInferRequest, Parameters, TensorContents } from './messages.ts'

/** Inference by gRPC [Open Inference Protocol 2, ModelInfer]. */

/** How a request of a stream is answered: a message for each part of a text, as it comes. */
export interface Hearing {
  hear(answer: object): void
  readonly gone: AbortSignal
}

/** Marks the answers of a stream, and whether the one after them is wanted that has nothing but the mark [Triton, decoupled models]. */
const [finalMark, emptyFinal] = ['triton_final_response', 'triton_enable_empty_final_response']

/** Reads a request of a stream; its answer is undefined when the parts are all of it. Throws `RequestError`. */
export function readStreamInfer(request: ModelInferRequest, { hear, gone }: Hearing): Asked<object | undefined> {
  const { form, ...asked } = readModelInfer(request)
  const wantsFinal = request.parameters[emptyFinal]?.bool_param === true
  let isHeard = false
  const marked = (inference: Inference, isFinal: boolean): object => {
    const { parameters, ...answer } = answerMessage(inference, form)
    return { ...answer, parameters: { ...parameters, [finalMark]: { bool_param: isFinal } } }
  }
  return {
    ...asked,
    text: {
      isRequired: false,
      gone,
      part(text, begun) {
        isHeard = true
        const output = { name: textName(begun.revision.model.manifest), datatype: 'BYTES', width: 1, values: [text] }
        hear(marked({ ...begun, outputs: [output], rows: 1 }, false))
      },
    },
    reply(inference) {
      if (!isHeard) return marked(inference, true)
      return wantsFinal ? marked({ ...inference, outputs: [] }, true) : undefined
    },
  }
}

/** Reads a request for predictions. Throws `RequestError`. */
export function readModelInfer(request: ModelInferRequest): Asked<object> & { readonly form: Form } {
  const { id, parameters, inputs, outputs, raw_input_contents: raw } = request
  const wanted = outputs.length === 0 ? undefined : new Map(outputs.map(each => [each.name, classesOf(each)]))
  const isTyped = raw.length === 0 && inputs.some(({ contents }) => contents)
  const given = Object.fromEntries(Object.entries(parameters).map(([name, each]) => [name, valueOf(each)]))
  const form = { id, wanted, isTyped }
  return {
    form,
    content: manifest => {
      requireOutputs(manifest, wanted)
      return {
        ...bindTensors(manifest, tensorsOf(request)),
        ...readSubjects(given),
      }
    },
    waitMs: waitIn(given),
    isBatch: isBatchIn(given),
    reply: inference => answerMessage(inference, form),
  }
}

function classesOf({ name, parameters }: ModelInferRequest['outputs'][number]): number | undefined {
  const given = parameters['classification']
  const classes = given && valueOf(given)
  if (classes === undefined || (Number.isSafeInteger(classes) && (classes as number) > 0)) return classes as undefined
  throw badRequest(`Output ${name}: classification is a number of classes from 1 on, not ${show(classes)}.`)
}

function valueOf(parameter: InferParameter): unknown {
  const value = parameter.parameter_choice && parameter[parameter.parameter_choice]
  return typeof value === 'object' ? Number(value.toString()) : value
}

function tensorsOf({ inputs, raw_input_contents: raw }: ModelInferRequest): readonly GivenTensor[] {
  if (raw.length > 0 && inputs.some(({ contents }) => contents))
    throw badRequest('Inputs have either contents or raw_input_contents, not both.')
  for (const { name, parameters } of inputs)
    if (hasSharedMemory(parameters))
      throw badRequest(`Input ${show(name)}: shared memory is not supported, send the data with the request.`)
  if (raw.length > 0 && raw.length !== inputs.length)
    throw badRequest(`raw_input_contents has ${raw.length} members for ${inputs.length} inputs.`)
  return inputs.map(({ name, datatype, shape, contents }, index) => {
    const tensor = { name, datatype, shape: shape.map(dimension => requireDimension(name, dimension)) }
    const bytes = raw[index]
    if (bytes) return tensorOf(tensor, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    if (contents) return { ...tensor, data: elementsOf(tensor, contents) }
    throw badRequest(`Input ${show(name)} has no contents.`)
  })
}

const hasSharedMemory = (parameters: Parameters): boolean => Object.hasOwn(parameters, 'shared_memory_region')

function requireDimension(name: string, dimension: Int64): number {
  const number = Number(dimension.toString())
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw badRequest(`Input ${show(name)} needs a shape of whole numbers, not ${dimension.toString()}.`)
}

type Member = keyof TensorContents

/** Which member of the contents has the elements of a datatype. */
const members: Readonly<Record<string, Member>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
}

const utf8 = new TextDecoder()

function elementsOf({ name, datatype }: Omit<GivenTensor, 'data'>, contents: TensorContents): ArrayLike<unknown> {
  const member = members[datatype]
  if (!member) throw badRequest(`Input ${show(name)}: datatype ${show(datatype)} has no contents, send it raw.`)
  if (member === 'bytes_contents') return contents.bytes_contents.map(bytes => utf8.decode(bytes))
  if (member === 'int64_contents' || member === 'uint64_contents')
    return contents[member].map(value => BigInt(value.toString()))
  return contents[member]
}

interface Form {
  readonly id: string
  readonly wanted: ReadonlyMap<string, number | undefined> | undefined
  /** The inputs were no bytes, and the outputs are none. */
  readonly isTyped: boolean
}

function answerMessage(inference: Inference, form: Form) {
  const { deployment, revision, rows } = inference
  const { id, wanted, isTyped } = form
  const raw: Buffer[] = []
  const outputs = inference.outputs
    .filter(({ name }) => !wanted || wanted.has(name))
    .map(output => {
      const { head, values } = tensorHead(output, { rows, classes: wanted?.get(output.name) })
      const member = isTyped ? members[head.datatype] : undefined
      if (member === undefined) {
        raw.push(bytesOf(head.datatype, values))
        return head
      }
      const elements = member === 'bytes_contents' ? values.map(value => Buffer.from(String(value))) : values
      return { ...head, contents: { [member]: elements } }
    })
  const parameters = Object.entries(answerParameters(inference))
  return {
    model_name: deployment.name,
    model_version: String(revision.number),
    id,
    parameters: Object.fromEntries(parameters.map(([name, value]) => [name, { string_param: value }])),
    outputs,
    raw_output_contents: raw,
  }
}
