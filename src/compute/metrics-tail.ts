import { open } from 'node:fs/promises'
import type { MetricPoint } from '#workflow'
import { parseMetrics } from './metrics.ts'

/** Reads the metrics of a task while it writes them. */
export interface MetricsTail {
  /** Stops looking; what was not seen is read when the task has ended. */
  end(): void
}

const lookMs = 500
const readMax = 1024 * 1024

/** Calls back with the points of each whole line that was added. Lines that are no metrics are left to the end. */
export function tailMetrics(path: string, onPoints: (points: readonly MetricPoint[]) => void): MetricsTail {
  let offset = 0
  let isReading = false

  async function look(): Promise<void> {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(readMax), 0, readMax, offset)
      const text = buffer.subarray(0, buffer.lastIndexOf(10, bytesRead - 1) + 1)
      if (bytesRead === 0 || text.length === 0) return
      const points = parseMetrics(text.toString())
      offset += text.length
      if (points.length > 0) onPoints(points)
    } finally {
      await file.close()
    }
  }

  const timer = setInterval(() => {
    if (isReading) return
    isReading = true
    // No file yet, or a line that the end will refuse: nothing to pass on.
    look()
      .catch(() => {})
      .finally(() => (isReading = false))
  }, lookMs)
  return { end: () => clearInterval(timer) }
}
