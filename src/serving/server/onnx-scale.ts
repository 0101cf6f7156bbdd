import type { WorkerSettings } from '../server-settings.ts'
import type { OnnxOrder } from './onnx-worker.ts'
import { measureMsMax, placementOf, type Placement } from './placement.ts'
import { ModelFault, type Rows } from './runtime.ts'
import { encodeRows } from './worker-columns.ts'
import { encodeFrame } from './worker-frames.ts'
import { startOnnxProcess } from './worker-process.ts'
import { loadMsMax, within, type Worker } from './worker-runtime.ts'

/** Finds out what models of ONNX cost, and so where they compute. */
export interface OnnxScale {
  /** Loads and runs it where it harms nobody. Rejects with why it is no model, or does not answer the example. */
  weigh(order: OnnxOrder, example: Rows): Promise<Placement>
}

/** How long the process waits for a next model. */
const restMs = 1_000

/**
 * One model at a time in one process, which ends when there is no other: it starts in a fifth of a second, and models that
 * are measured beside each other seem slow.
 * @param folder Where the models are.
 */
export function createOnnxScale(settings: WorkerSettings, folder: string): OnnxScale {
  let worker: Worker | undefined
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let rest: NodeJS.Timeout | undefined

  function end(): void {
    worker?.kill()
    worker = undefined
  }

  async function weigh(order: OnnxOrder, example: Rows): Promise<Placement> {
    try {
      worker ??= await readyWorker(settings, folder)
    } catch (error) {
      return {
        place: 'inline',
        rowMs: undefined,
        why: `it was not measured, as no process can be started: ${messageOf(error)}`,
      }
    }
    const answer = await measured(worker, order, example).catch((error: Error) => error)
    if (answer instanceof Error) {
      end()
      const why = answer instanceof ModelFault ? 'did not answer in time' : answer.message
      return { place: 'process', rowMs: undefined, why: `the process that measured it ${why}` }
    }
    const { error, rowMs = 0 } = answer
    if (error !== undefined) throw new Error(error)
    return placementOf(rowMs)
  }

  return {
    weigh(order, example) {
      clearTimeout(rest)
      waiting++
      const placement = last.then(() => weigh(order, example))
      last = placement
        .catch(() => {})
        .then(() => {
          if (--waiting === 0) rest = setTimeout(end, restMs)
        })
      return placement
    },
  }
}

/** A process that answers. Rejects with how it ended before it did. */
async function readyWorker(settings: WorkerSettings, folder: string): Promise<Worker> {
  const worker = await startOnnxProcess(settings, folder)
  await ask(worker, encodeFrame({ op: 'hello' }), loadMsMax)
  return worker
}

/** What it answers when it has been told to load a model and to run an example. */
async function measured(worker: Worker, order: OnnxOrder, example: Rows): Promise<Answer> {
  const loaded = await ask(worker, encodeFrame({ op: 'load', ...order }), loadMsMax)
  if (loaded.error !== undefined) return loaded
  return ask(worker, encodeRows(order.signature, [example], 'measure'), measureMsMax)
}

interface Answer {
  readonly error?: string
  readonly rowMs?: number
}

/** Rejects when the process has ended, also because it took longer. */
async function ask(worker: Worker, frame: Buffer, ms: number): Promise<Answer> {
  const { header } = await within(worker.ask(frame), ms, () => worker.kill())
  return header as Answer
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
