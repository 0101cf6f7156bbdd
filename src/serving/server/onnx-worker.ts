import { readFile } from 'node:fs/promises'
import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { Signature } from '#registry'
import { openOnnx } from './onnx-runtime.ts'
import type { Rows, Runtime } from './runtime.ts'
import { decodeRows, encodeOutputs } from './worker-columns.ts'
import { encodeFrame, parseFrame, type Frame } from './worker-frames.ts'

/**
 * The thread that holds a model of ONNX on the other side of a hop: beside the server's own, or that of a process
 * (`onnx-main.ts`). It answers each frame with one, as `worker/worker.py` does.
 */

/** What this thread is told when it starts. */
export interface OnnxThread {
  /** The process has no other work, so that its memory is the model's. */
  readonly isAlone: boolean
}

/** What it is told to load. */
export interface OnnxOrder {
  /** The model file. */
  readonly file: string
  readonly signature: Signature
}

/** Runs of one row whose fastest counts: the others may have been interrupted. The first ones are slow in any case. */
const measuredRuns = 20
/** Slow models are known after fewer. */
const measureMsMax = 100

const { isAlone } = workerData as OnnxThread
let model: Runtime | undefined

const memoryBytes = (): number =>
  isAlone ? process.memoryUsage.rss() : (model?.memoryBytes ?? 0) + getHeapStatistics().total_heap_size

/** A thread that is ended from outside in the middle of a run takes its process with it. */
async function leave(): Promise<void> {
  await model?.release()
  parentPort!.close()
}

async function load({ file, signature }: OnnxOrder): Promise<void> {
  await model?.release()
  model = undefined
  model = await openOnnx(await readFile(file), signature)
}

/** How long a row takes, in milliseconds. */
async function measure(rows: Rows): Promise<number> {
  const until = performance.now() + measureMsMax
  let least = Infinity
  for (let run = 0; run < measuredRuns && (run === 0 || performance.now() < until); run++) {
    const startedAt = performance.now()
    await model!.run([rows])
    least = Math.min(least, performance.now() - startedAt)
  }
  return least
}

async function answer(frame: Frame): Promise<Buffer> {
  const { op, ...header } = frame.header as { op: string }
  switch (op) {
    case 'hello':
      return encodeFrame({})
    case 'load':
      await load(header as unknown as OnnxOrder)
      return encodeFrame({ memoryBytes: memoryBytes() })
    case 'measure':
      return encodeFrame({ rowMs: await measure(decodeRows(frame)) })
    default: {
      const [outputs] = await model!.run([decodeRows(frame)])
      return encodeOutputs(outputs!, { memoryBytes: memoryBytes() })
    }
  }
}

parentPort!.on('message', async (bytes: Uint8Array) => {
  const frame = parseFrame(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if ((frame.header as { op: string }).op === 'leave') return leave()
  const told = await answer(frame).catch((error: unknown) =>
    encodeFrame({ error: error instanceof Error ? error.message : String(error) }),
  )
  parentPort!.postMessage(told)
})
