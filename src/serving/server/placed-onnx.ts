import { readFile } from 'node:fs/promises'
import type { WorkerSettings } from '../server-settings.ts'
import { openOnnx } from './onnx-runtime.ts'
import { startOnnxThread } from './onnx-thread.ts'
import type { OnnxOrder } from './onnx-worker.ts'
import type { Placement } from './placement.ts'
import type { Runtime } from './runtime.ts'
import { startOnnxProcess } from './worker-process.ts'
import { openWorker, type WorkerOptions } from './worker-runtime.ts'

/** A model that has its place, and can be opened there again and again. */
export interface PlacedModel {
  /** Where it computes now. */
  readonly placement: Placement
  /** Rejects with what is wrong with it. */
  open(): Promise<Runtime>
}

export interface PlacedOnnxParts extends Pick<WorkerOptions, 'runMsMax' | 'firstPauseMs' | 'warn'> {
  readonly order: OnnxOrder
  /** The folder that a process of its own may read. */
  readonly folder: string
  readonly workers: WorkerSettings
  /** Hears of another place. */
  moved(placement: Placement): void
}

/** A model of ONNX in its place. Where a thread ends by itself, or is given up, a process is started in its stead. */
export function placedOnnx(
  { order, folder, workers, moved, ...options }: PlacedOnnxParts,
  first: Placement,
): PlacedModel {
  let placement = first

  function replaced(): void {
    if (placement.place !== 'thread') return
    placement = { ...placement, place: 'process', why: 'its thread has ended, or has not answered in time' }
    moved(placement)
  }

  async function openApart(): Promise<Runtime> {
    let starts = 0
    return openWorker({
      ...options,
      order,
      signature: order.signature,
      async start() {
        if (++starts > 1) replaced()
        return placement.place === 'thread' ? startOnnxThread() : startOnnxProcess(workers, folder)
      },
    })
  }

  return {
    get placement() {
      return placement
    },
    open: async () =>
      placement.place === 'inline' ? openOnnx(await readFile(order.file), order.signature) : openApart(),
  }
}
