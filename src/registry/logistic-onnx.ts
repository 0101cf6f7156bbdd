/** What a {@link logisticOnnx} file computes and how it is shaped. */
export interface LogisticSpec {
  /** Weight of each feature: one input each, in this order. */
  readonly weights: Readonly<Record<string, number>>
  readonly intercept: number
  /** `probability`: σ of the sum. `two_columns`: 1 − σ and σ. `prediction`: the sum itself. */
  readonly output?: 'probability' | 'two_columns' | 'prediction'
  /** Element type of the inputs, float32 unless said. */
  readonly input?: 'float32' | 'float64' | 'int64' | 'bool'
  /** The inputs are [N] rather than [N, 1]. */
  readonly flat?: boolean
}

/**
 * The smallest useful model as ONNX bytes: σ(Σ wᵢ·xᵢ + b). It is what the platform tries its own machinery with: tests,
 * benchmarks, `trainyard doctor`. Written by hand, field by field [onnx/onnx.proto, IR version 8, opset 17].
 */
export function logisticOnnx(spec: LogisticSpec): Uint8Array {
  const { weights, intercept, output = 'probability' } = spec
  const features = Object.keys(weights)
  const [value, nodes] = ends[output]
  const width = output === 'two_columns' ? 2 : 1
  const graph = [
    ...features.flatMap(feature => toColumn(feature, spec)),
    node(
      'Concat',
      features.map(feature => `${feature}/column`),
      'x',
      attribute('axis', 1),
    ),
    node('MatMul', ['x', 'w'], 'weighted'),
    node('Add', ['weighted', 'b'], 'sum'),
    ...nodes,
  ].map(bytes => field(1, bytes))
  const parts = [
    ...graph,
    text(2, 'logistic'),
    field(5, tensor('w', [features.length, 1], Object.values(weights))),
    field(5, tensor('b', [1, 1], [intercept])),
    ...(output === 'two_columns' ? [field(5, tensor('one', [1, 1], [1]))] : []),
    ...features.map(feature =>
      field(11, valueInfo(feature, elementType[spec.input ?? 'float32'], spec.flat ? [] : [1])),
    ),
    field(12, valueInfo(value, elementType.float32, [width])),
  ]
  return join([number(1, 8), text(2, 'trainyard'), field(7, join(parts)), field(8, number(2, 17))])
}

const elementType = { float32: 1, int64: 7, bool: 9, float64: 11 } as const
const attributeInt = 2
const attributeInts = 7

/** Casts an input to float32 and gives it two dimensions. */
function toColumn(feature: string, { flat }: LogisticSpec): readonly Uint8Array[] {
  const cast = node(
    'Cast',
    [feature],
    flat ? `${feature}/cast` : `${feature}/column`,
    attribute('to', elementType.float32),
  )
  if (!flat) return [cast]
  const shape = join([text(1, 'value_ints'), number(8, -1), number(8, 1), number(20, attributeInts)])
  return [
    cast,
    node('Constant', [], `${feature}/shape`, field(5, shape)),
    node('Reshape', [`${feature}/cast`, `${feature}/shape`], `${feature}/column`),
  ]
}

const ends = {
  probability: ['probability', [node('Sigmoid', ['sum'], 'probability')]],
  prediction: ['prediction', [node('Identity', ['sum'], 'prediction')]],
  two_columns: [
    'probabilities',
    [
      node('Sigmoid', ['sum'], 'yes'),
      node('Sub', ['one', 'yes'], 'no'),
      node('Concat', ['no', 'yes'], 'probabilities', attribute('axis', 1)),
    ],
  ],
} as const

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Uint8Array = new Uint8Array(),
): Uint8Array {
  return join([...inputs.map(input => text(1, input)), text(2, output), text(3, output), text(4, op), attributes])
}

function attribute(name: string, value: number): Uint8Array {
  return field(5, join([text(1, name), number(3, value), number(20, attributeInt)]))
}

function tensor(name: string, dims: readonly number[], values: readonly number[]): Uint8Array {
  const data = new Uint8Array(Float32Array.from(values).buffer)
  return join([...dims.map(dim => number(1, dim)), number(2, elementType.float32), field(4, data), text(8, name)])
}

/** A named tensor type: N rows, then the given dimensions. */
function valueInfo(name: string, element: number, dims: readonly number[]): Uint8Array {
  const shape = join([field(1, text(2, 'N')), ...dims.map(dim => field(1, number(1, dim)))])
  return join([text(1, name), field(2, field(1, join([number(1, element), field(2, shape)])))])
}

// Protocol buffers, as much as is needed: a field is a tag, then a varint or a length and bytes.

function number(tag: number, value: number): Uint8Array {
  return join([varint(BigInt(tag << 3)), varint(BigInt.asUintN(64, BigInt(value)))])
}

function text(tag: number, value: string): Uint8Array {
  return field(tag, new TextEncoder().encode(value))
}

function field(tag: number, bytes: Uint8Array): Uint8Array {
  return join([varint(BigInt((tag << 3) | 2)), varint(BigInt(bytes.length)), bytes])
}

function varint(value: bigint): Uint8Array {
  const bytes = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
