import type { Clock } from '#kernel/clock.ts'
import { counted } from '#kernel/counted.ts'

/** What is told of a long journey while it goes on. */
export interface Progress {
  /** Another experiment begins. */
  begin(name: string): void
  run(): void
  trace(): void
  points(points: number): void
  bytes(bytes: number): void
}

const everyMs = 500

/** Says a line at most twice a second. How much there is in all is known only at the end: nobody counts runs before. */
export function createProgress(clock: Clock, say: (line: string) => void): Progress {
  const total = { experiments: 0, runs: 0, traces: 0, points: 0, bytes: 0 }
  const startedAt = clock.now()
  let [saidAt, name] = [0, '']
  const tell = (): void => {
    const now = clock.now()
    if (now - saidAt < everyMs) return
    saidAt = now
    const seconds = Math.max(1, Math.round((now - startedAt) / 1_000))
    const { experiments, runs, traces, points, bytes } = total
    say(
      `${counted(experiments, 'experiment')}  ${counted(runs, 'run')}  ${traces === 0 ? '' : `${counted(traces, 'trace')}  `}${counted(points, 'point')}  ${size(bytes)}  ` +
        `${seconds} s  ${size(bytes / seconds)}/s  ${name.slice(0, 40)}`,
    )
  }
  return {
    begin(experiment) {
      total.experiments++
      name = experiment
      tell()
    },
    run() {
      total.runs++
      tell()
    },
    trace() {
      total.traces++
      tell()
    },
    points(points) {
      total.points += points
      tell()
    },
    bytes(bytes) {
      total.bytes += bytes
      tell()
    },
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1.5 MiB` */
export function size(bytes: number): string {
  const unit = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}
