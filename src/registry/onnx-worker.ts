import { readFile } from 'node:fs/promises'
import type { InferenceSession as Session, Tensor as OnnxTensor } from 'onnxruntime-node'
import { columnTensor, openSession } from '#kernel/onnx-session.ts'
import { answerRequests } from '#storage/child-worker.ts'
import type { OnnxRequest, Column, Outputs } from './onnx.ts'
import { datatypeOf, type Signature } from './signature.ts'

/**
 * The child process of {@link createOnnx}. Models are loaded from bytes and this process stands in an empty folder, so
 * that a file which refers to data outside itself cannot read any.
 */

const sessionsMax = 4
const rowsMax = 4_096
const warmUps = 20
const sessions = new Map<string, Session>()

async function open(path: string): Promise<Session> {
  const known = sessions.get(path)
  if (known) return known
  const session = await openSession(await readFile(path))
  if (sessions.size >= sessionsMax) {
    const [oldest, ended] = sessions.entries().next().value!
    sessions.delete(oldest)
    await ended.release()
  }
  sessions.set(path, session)
  return session
}

function signatureOf(session: Session): Signature {
  const tensors = (metadata: readonly Session.ValueMetadata[]) =>
    metadata.map(value => {
      if (!value.isTensor)
        throw new Error(
          `${value.name} is a sequence or map, not a tensor: export without ZipMap (skl2onnx: options={id(model): {'zipmap': False}})`,
        )
      return {
        name: value.name,
        datatype: datatypeOf[value.type] ?? value.type,
        shape: value.shape.map(dim => (typeof dim === 'number' ? dim : -1)),
      }
    })
  return { inputs: tensors(session.inputMetadata), outputs: tensors(session.outputMetadata) }
}

async function score(path: string, rows: number, columns: Readonly<Record<string, Column>>): Promise<Outputs> {
  const session = await open(path)
  const { inputs, outputs } = signatureOf(session)
  const parts: Record<string, Column[]> = Object.fromEntries(outputs.map(({ name }) => [name, []]))
  for (let start = 0; start < rows; start += rowsMax) {
    const end = Math.min(rows, start + rowsMax)
    const feeds = inputs.map(
      ({ name, datatype, shape }) =>
        [
          name,
          columnTensor(
            datatype,
            columns[name]!.slice(start, end),
            shape.length === 1 ? [end - start] : [end - start, 1],
          ),
        ] as const,
    )
    const answers = await session.run(Object.fromEntries(feeds))
    for (const { name } of outputs) parts[name]!.push(toColumn(answers[name]!))
  }
  return Object.fromEntries(outputs.map(({ name }) => [name, concat(parts[name]!, rows)]))
}

/** Milliseconds of each of some runs of one row; the first ones warm up and are left out. */
async function time(path: string, columns: Readonly<Record<string, Column>>, repeats: number): Promise<Float64Array> {
  const times = new Float64Array(repeats)
  for (let n = -warmUps; n < repeats; n++) {
    const start = performance.now()
    await score(path, 1, columns)
    if (n >= 0) times[n] = performance.now() - start
  }
  return times
}

function toColumn({ data }: OnnxTensor): Column {
  return Array.isArray(data) ? (data as string[]) : Float64Array.from(data as ArrayLike<number>, Number)
}

function concat(parts: readonly Column[], rows: number): { width: number; values: Column } {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const width = rows === 0 ? 1 : length / rows
  if (Array.isArray(parts[0])) return { width, values: parts.flat() as string[] }
  const values = new Float64Array(length)
  let offset = 0
  for (const part of parts) {
    values.set(part as Float64Array, offset)
    offset += part.length
  }
  return { width, values }
}

answerRequests<OnnxRequest>(async request => {
  const { path, columns } = request
  if (!columns) return signatureOf(await open(path))
  return request.repeats === undefined ? score(path, request.rows, columns) : time(path, columns, request.repeats)
})
