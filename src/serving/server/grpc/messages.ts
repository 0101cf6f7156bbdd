import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { measureMessage, TooLarge } from '#kernel/protobuf-measure.ts'
import { besideCode } from '#kernel/place.ts'
import { badRequest } from '../request-error.ts'

/** The messages of the two services, as their `.proto` files say. */

export const inferenceService = 'inference.GRPCInferenceService'
export const healthService = 'grpc.health.v1.Health'

/** A 64-bit integer, of which only the decimal text is safe to use. */
export interface Int64 {
  toString(): string
}

export interface InferParameter {
  readonly parameter_choice?: 'bool_param' | 'int64_param' | 'string_param' | 'double_param' | 'uint64_param'
  readonly bool_param: boolean
  readonly int64_param: Int64
  readonly string_param: string
  readonly double_param: number
  readonly uint64_param: Int64
}

export type Parameters = Readonly<Record<string, InferParameter>>

export interface TensorContents {
  readonly bool_contents: readonly boolean[]
  readonly int_contents: readonly number[]
  readonly int64_contents: readonly Int64[]
  readonly uint_contents: readonly number[]
  readonly uint64_contents: readonly Int64[]
  readonly fp32_contents: readonly number[]
  readonly fp64_contents: readonly number[]
  readonly bytes_contents: readonly Uint8Array[]
}

/** A request as it was sent. Unset fields have their defaults: empty text, empty list. */
export interface ModelInferRequest {
  readonly model_name: string
  readonly model_version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly {
    readonly name: string
    readonly datatype: string
    readonly shape: readonly Int64[]
    readonly parameters: Parameters
    readonly contents?: TensorContents | null
  }[]
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[]
  readonly raw_input_contents: readonly Uint8Array[]
}

/** As much as a body of the same size over REST may become. */
const limits = { messages: 100_000, depth: 8, values: 16_000_000 }

export interface Method {
  readonly name: string
  readonly path: string
  readonly isStream: boolean
  /** Reads a request. Throws `RequestError` for bytes that are none, or hold too much. */
  decode(bytes: Uint8Array): unknown
  encode(answer: object): Buffer
}

/** The methods of both services. */
export function readMethods(): readonly Method[] {
  const root = new protobuf.Root()
  for (const file of ['inference', 'health'])
    protobuf.parse(readFileSync(besideCode(`serving/server/grpc/${file}.proto`), 'utf8'), root, { keepCase: true })
  root.resolveAll()
  return [inferenceService, healthService].flatMap(service =>
    root.lookupService(service).methodsArray.map(method => methodOf(service, method)),
  )
}

function methodOf(
  service: string,
  { name, requestStream, resolvedRequestType, resolvedResponseType }: protobuf.Method,
): Method {
  const [request, response] = [resolvedRequestType!, resolvedResponseType!]
  return {
    name,
    path: `/${service}/${name}`,
    isStream: requestStream === true,
    decode(bytes) {
      try {
        measureMessage(bytes, request, limits)
        return request.decode(bytes)
      } catch (error) {
        if (error instanceof TooLarge) throw badRequest(`The request holds too much: ${error.message}.`)
        throw badRequest(`The bytes are no ${request.name}.`)
      }
    },
    encode: answer => Buffer.from(response.encode(response.fromObject(answer)).finish()),
  }
}
