import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { moduleAt } from '#kernel/place.ts'
import type { OnnxThread } from './onnx-worker.ts'
import { splitFrames } from './worker-frames.ts'

/**
 * A process for one model of ONNX: it hands the frames of its socket, file descriptor 3, to the thread that has the model.
 * So it hears that the server has ended while the model computes, and ends at once: nothing else can stop a run.
 */

const end = (): void => void process.kill(process.pid, 'SIGKILL')
// They go to a whole terminal, and the server still answers what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

const channel = new Socket({ fd: 3 })
const thread = new Worker(moduleAt('serving/server/onnx-worker'), {
  workerData: { isAlone: true } satisfies OnnxThread,
})
thread.on('message', (bytes: Uint8Array) => void channel.write(bytes))
thread.on('error', error => {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
  channel.destroy()
})
channel.on('error', end)
channel.on('close', () => {
  if (process.exitCode === undefined) end()
})
splitFrames(channel, bytes => thread.postMessage(bytes), end)
