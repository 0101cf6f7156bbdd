import type { ByteSource } from '#kernel/byte-source.ts'
import { counted } from '#kernel/counted.ts'
import { protobufReader, type ProtobufReader } from '#kernel/protobuf-reader.ts'
import type { Finding } from './pickle-risk.ts'

/** What an ONNX file says of itself, field numbers as in onnx.proto3 [ONNX IR specification]. It is read, never run. */
interface OnnxReport {
  irVersion?: number
  hasGraph: boolean
  operators: number
  /** Version by domain, as it asks for them. */
  readonly opsets: Map<string, number>
  /** Domains of its operators. */
  readonly used: Set<string>
  /** Domains of the functions that it brings along. */
  readonly own: Set<string>
  /** Files beside it that hold its weights. */
  readonly external: Set<string>
  broken?: string
}

const standard = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.experimental',
])
/** Graphs within graphs: loops and conditions. */
const depthMax = 64
const shownMax = 5

/** What a file that is named `.onnx` would do, and whether it is one. */
export function onnxFindings(source: ByteSource): Finding[] {
  const report = readOnnx(source)
  const { broken, irVersion, hasGraph, opsets, operators, used, own, external } = report
  if (broken !== undefined) return [suspicious(`is not ONNX to its end: ${broken}`)]
  if (irVersion === undefined || !hasGraph || opsets.size === 0)
    return [suspicious('is not ONNX: it lacks a version of the format, a graph or a set of operators')]
  const foreign = [...used].filter(domain => !standard.has(domain) && !own.has(domain))
  const [inside, outside] = [[...external].filter(isInside), [...external].filter(path => !isInside(path))]
  const sets = [...opsets].map(([domain, version]) => `${domain || 'ai.onnx'} ${version}`)
  return [
    ...outside.map(path => ({ severity: 'danger' as const, what: `reads ${path}, outside of the model's folder` })),
    ...foreign.map(domain => suspicious(`needs operators of ${domain}, which a runtime loads as code`)),
    ...inside.slice(0, shownMax).map(path => info(`reads its weights from ${path}`)),
    ...(inside.length > shownMax ? [info(`and from ${counted(inside.length - shownMax, 'further file')}`)] : []),
    info(`${counted(operators, 'operator')} of ${sets.join(', ')}`),
  ]
}

const suspicious = (what: string): Finding => ({ severity: 'suspicious', what })
const info = (what: string): Finding => ({ severity: 'info', what })

/** External data lie beside the model, under a relative path [ONNX, "External data"]. */
const isInside = (path: string): boolean => !/^([/\\]|[a-z]:)/i.test(path) && !path.split(/[/\\]/).includes('..')

function readOnnx(source: ByteSource): OnnxReport {
  const report: OnnxReport = {
    hasGraph: false,
    operators: 0,
    opsets: new Map(),
    used: new Set(),
    own: new Set(),
    external: new Set(),
  }
  try {
    readModel(protobufReader(source), report)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    report.broken = error.message
  }
  return report
}

function readModel(reader: ProtobufReader, report: OnnxReport): void {
  const graph = (): void => {
    report.hasGraph = true
    readGraph(reader, report, 0)
  }
  const training = (): void => reader.message({ parts: { 1: graph, 2: graph } })
  reader.message({
    numbers: { 1: version => void (report.irVersion = version) },
    parts: {
      7: graph,
      8: () => readOperators(reader, report),
      20: training,
      25: () => readFunction(reader, report),
    },
  })
}

function readOperators(reader: ProtobufReader, { opsets }: OnnxReport): void {
  let [domain, version] = ['', 0]
  reader.message({
    parts: { 1: () => void (domain = reader.text()) },
    numbers: { 2: value => void (version = value) },
  })
  opsets.set(domain, version)
}

function readFunction(reader: ProtobufReader, report: OnnxReport): void {
  const domain = (): void => void report.own.add(reader.text())
  reader.message({ parts: { 7: () => readNode(reader, report, 0), 10: domain } })
}

function readGraph(reader: ProtobufReader, report: OnnxReport, depth: number): void {
  if (depth > depthMax) throw new RangeError(`it has graphs within graphs deeper than ${depthMax}`)
  const { tensor, sparse } = tensors(reader, report)
  reader.message({ parts: { 1: () => readNode(reader, report, depth), 5: tensor, 15: sparse } })
}

function readNode(reader: ProtobufReader, report: OnnxReport, depth: number): void {
  let domain = ''
  const { tensor, sparse } = tensors(reader, report)
  const graph = (): void => readGraph(reader, report, depth + 1)
  const values = { 5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse }
  const attribute = (): void => reader.message({ parts: values })
  reader.message({ parts: { 5: attribute, 7: () => void (domain = reader.text()) } })
  report.operators++
  report.used.add(domain)
}

function tensors(reader: ProtobufReader, report: OnnxReport) {
  const tensor = (): void => readTensor(reader, report)
  return { tensor, sparse: (): void => reader.message({ parts: { 1: tensor, 2: tensor } }) }
}

function readTensor(reader: ProtobufReader, { external }: OnnxReport): void {
  const entry = (): void => {
    let [key, value] = ['', '']
    reader.message({
      parts: { 1: () => void (key = reader.text()), 2: () => void (value = reader.text()) },
    })
    if (key === 'location') external.add(value)
  }
  reader.message({ parts: { 13: entry } })
}
