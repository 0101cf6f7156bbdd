import { Worker as Thread } from 'node:worker_threads'
import { moduleAt } from '#kernel/place.ts'
import type { OnnxThread } from './onnx-worker.ts'
import { encodeFrame, parseFrame, type Frame } from './worker-frames.ts'
import type { Worker } from './worker-runtime.ts'

/** Of all threads, what is to be answered. */
const underWay = new Set<Promise<unknown>>()

/**
 * Resolves when no thread computes. A process that ends before is aborted when the run has ended: onnxruntime-node throws
 * where nobody catches it.
 */
export async function threadsRest(): Promise<void> {
  while (underWay.size > 0) await Promise.allSettled(underWay)
}

/**
 * Starts a thread of this process that answers frames for a model of ONNX. To kill it is to wait for it no more: nothing can
 * stop the run that it is in, after which it ends.
 */
export async function startOnnxThread(): Promise<Worker> {
  const thread = new Thread(moduleAt('serving/server/onnx-worker'), {
    workerData: { isAlone: false } satisfies OnnxThread,
  })
  const ended = Promise.withResolvers<string>()
  const gone = new Promise<void>(resolve => thread.once('exit', () => resolve()))
  let end: string | undefined
  void ended.promise.then(how => (end = how))
  thread.on('error', error => ended.resolve(`has ended: ${String(error)}`))
  thread.on('exit', code => ended.resolve(`ended with exit code ${code}`))

  async function answerTo(frame: Buffer): Promise<Frame> {
    if (end !== undefined) throw new Error(end)
    const answered = new Promise<Uint8Array>(resolve => thread.once('message', resolve))
    const work = Promise.race([answered, gone])
    underWay.add(work)
    void work.then(() => underWay.delete(work))
    thread.postMessage(frame)
    const bytes = await Promise.race([answered, ended.promise])
    if (typeof bytes === 'string') throw new Error(bytes)
    return parseFrame(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  return {
    ended: ended.promise,
    kill() {
      ended.resolve('was ended')
      thread.postMessage(encodeFrame({ op: 'leave' }))
    },
    ask: answerTo,
  }
}
