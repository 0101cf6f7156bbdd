import type { Signature } from '#registry'
import { ModelFault, type OutputColumn, type Rows, type Runtime, type TextListener } from './runtime.ts'
import { decodeOutputs, encodeRows, type WorkerColumn } from './worker-columns.ts'
import { encodeFrame, type Frame } from './worker-frames.ts'

/** How often a worker of this process has ended by itself. */
export const workerRestarts = { count: 0 }

/** What answers frames, one after the other, on the other side of a hop: a process, or a thread. */
export interface Worker {
  /**
   * Rejects with a sentence when it ends, or says nonsense, before it has answered; it is over then. Resolves after the last
   * part that the listener hears, also when that wants no more; only what makes texts has parts.
   */
  ask(frame: Buffer, listener?: TextListener): Promise<Frame>
  /** Resolves with how it ended, as the end of a sentence. */
  readonly ended: Promise<string>
  kill(): void
}

export interface WorkerOptions {
  /** Starts one. Rejects with why it cannot be started, as the end of a sentence. */
  start(): Promise<Worker>
  /** What it is told to load. */
  readonly order: object
  readonly signature: Signature
  /** How long a run may take; then its worker is ended. */
  readonly runMsMax?: number | undefined
  /** How long after its end a worker is started again; twice as long after each further one within a minute. */
  readonly firstPauseMs?: number | undefined
  warn(sentence: string): void
}

/** How long a worker may take to start, or to load a model. */
export const loadMsMax = 120_000
const usualRunMsMax = 30_000
const [usualPauseMs, pauseMsMax] = [200, 30_000]
const recentMs = 60_000
/** After so many ends within a minute requests are refused at once, until that is past. */
const endsMax = 5

/**
 * A model in a worker that lives as long as the model is loaded. When that ends by itself another one is started, after a
 * pause that doubles; what it was asked then fails with a sentence, and what waits goes to the next one. Rejects when the
 * first worker does not load the model.
 */
export async function openWorker(options: WorkerOptions): Promise<Runtime> {
  const { signature, warn, runMsMax = usualRunMsMax, firstPauseMs = usualPauseMs } = options
  const ends: number[] = []
  let lastEnd = ''
  let isReleased = false
  let memoryBytes = 0
  let isStreaming = false
  const note = ({ header }: Frame): void => {
    const said = header as { memoryBytes?: number; streams?: boolean }
    memoryBytes = said.memoryBytes ?? memoryBytes
    isStreaming = said.streams ?? isStreaming
  }
  let current: Promise<Worker> = start(options, note)
  watch(await current)

  function watch(worker: Worker): void {
    void worker.ended.then(how => {
      if (!isReleased) replace(how)
    })
  }

  function replace(how: string): void {
    lastEnd = how
    ends.push(Date.now())
    workerRestarts.count++
    const pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** (recent() - 1))
    warn(`A model's worker ${how}. It is started again in ${pauseMs} ms.`)
    current = pause(pauseMs).then(() => start(options, note))
    current.then(watch, (error: Error) => replace(error.message))
    current.catch(() => {})
  }

  const recent = (): number => ends.filter(at => at > Date.now() - recentMs).length

  /** The worker, also one that is still being started; not when it has ended too often. */
  async function ready(): Promise<Worker> {
    if (isReleased) throw new ModelFault('unavailable', 'The model has been unloaded.')
    if (recent() >= endsMax)
      throw new ModelFault(
        'unavailable',
        `The model's worker has ended ${recent()} times within a minute. It ${lastEnd}`,
      )
    return current.catch((error: Error) => {
      throw new ModelFault('unavailable', `The model's worker cannot be started: it ${error.message}`)
    })
  }

  return {
    // Texts are made one after the other anyhow.
    rowsPerRun: isStreaming ? 1 : 256,
    isStreaming,
    rowsWaitingMax: 4_096,
    get memoryBytes() {
      return isReleased ? 0 : memoryBytes
    },

    async run(batch) {
      const worker = await within(ready(), runMsMax, () => {})
      const limitMs = Math.max(runMsMax, ...batch.map(({ runMs = 0 }) => runMs))
      const listener = isStreaming ? batch[0]?.listener : undefined
      const asked = worker.ask(encodeRows(signature, batch, listener && 'stream'), listener)
      const frame = await within(asked, limitMs, () => worker.kill()).catch(async (error: unknown) => {
        // Whoever is next meets the worker after this one.
        await worker.ended
        if (error instanceof ModelFault) throw error
        throw new ModelFault('model_failed', `The model's worker ${(error as Error).message}`)
      })
      note(frame)
      return answersOf(frame, batch)
    },

    async release() {
      isReleased = true
      const worker = await current.catch(() => undefined)
      worker?.kill()
      await worker?.ended
    },
  }
}

/** A worker that has loaded the model. Rejects with what went wrong, as the end of a sentence. */
async function start(options: WorkerOptions, loaded: (answer: Frame) => void): Promise<Worker> {
  const worker = await options.start()
  try {
    loaded(await load(worker, options.order))
    return worker
  } catch (error) {
    worker.kill()
    throw error
  }
}

/** Rejects with what went wrong, as the end of a sentence. */
async function load(worker: Worker, order: object): Promise<Frame> {
  const frame = encodeFrame({ op: 'load', ...order })
  const answer = await within(worker.ask(frame), loadMsMax, () => worker.kill())
  const { error } = answer.header as { error?: string }
  if (error !== undefined) throw new Error(`cannot load the model: ${error}`)
  return answer
}

function answersOf({ header, tail }: Frame, batch: readonly Rows[]): readonly (readonly OutputColumn[])[] {
  const { error, outputs } = header as { error?: string; outputs?: readonly WorkerColumn[] }
  if (error !== undefined) throw new ModelFault('model_failed', error, true)
  return decodeOutputs(outputs ?? [], tail, batch)
}

/** Rejects with a fault of 504 after so long, having called `late`. */
export async function within<T>(work: Promise<T>, ms: number, late: () => void): Promise<T> {
  const timeUp = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    timeUp.reject(new ModelFault('deadline_exceeded', `The model has not answered within ${ms / 1_000} s.`))
    late()
  }, ms)
  // When the time is up, nobody hears how the work ends.
  work.catch(() => {})
  return Promise.race([work, timeUp.promise]).finally(() => clearTimeout(timer))
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms).unref())
