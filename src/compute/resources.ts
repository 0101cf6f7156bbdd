import type { Clock } from '#kernel/clock.ts'
import type { ResourceSeries, ResourceUse, TaskResources } from '#workflow'
import type { Gpus } from './gpu.ts'
import { createProcTable, useOf, type ProcessUse } from './proc.ts'

/** Looks at what attempts use, from their first process to their last. */
export interface ResourceMeter {
  /** Begins to look. `report` is called now and then while something runs; the last answer is that of `end`. */
  watch(what: Watched, report: (resources: TaskResources) => void): Watch
}

export interface Watched {
  /** Its processes are looked at. */
  readonly session: number
  /** Those of a container are instead, one of which has this variable: `NAME=value`. */
  readonly container?: string | undefined
}

export interface Watch {
  end(): TaskResources
}

interface Deps {
  readonly clock: Clock
  readonly gpus: Gpus
  readonly platform?: NodeJS.Platform
}

const firstMs = 50
const growth = 1.5
const intervalMs = 1_000
const reportMs = 10_000
/** When a series has so many points, every other one is dropped and the interval doubles: long tasks cost less. */
const pointsMax = 240

/** Samples soon and then every second: a short task has points too, and a long one costs a thousandth of a core. */
export function createResourceMeter({ clock, gpus, platform = process.platform }: Deps): ResourceMeter {
  if (platform !== 'linux') return { watch: () => ({ end: () => unmeasured(platform) }) }
  const table = createProcTable()

  return {
    watch({ session, container }, report) {
      let space: string | undefined
      const members = (): readonly number[] => {
        if (container === undefined) return table.members(session)
        space ??= table.containerOf(container)
        return space === undefined ? [] : table.contained(space)
      }
      const use = createUse(clock.now())
      let waitMs = firstMs
      let reportedAt = clock.now()
      let timer: NodeJS.Timeout | undefined
      let hasEnded = false

      async function sample(): Promise<void> {
        const pids = members()
        const uses = pids.flatMap(pid => useOf(pid) ?? [])
        const gpu = await gpus.use(new Set(pids))
        if (hasEnded) return
        if (uses.length > 0) use.add(clock.now(), uses, gpu)
        if (clock.now() - reportedAt >= reportMs) {
          reportedAt = clock.now()
          report(use.answer())
        }
        waitMs = Math.min(waitMs * growth, intervalMs * use.stride())
        timer = setTimeout(() => void sample(), waitMs).unref()
      }
      timer = setTimeout(() => void sample(), firstMs).unref()

      return {
        end() {
          hasEnded = true
          clearTimeout(timer)
          return use.answer()
        },
      }
    },
  }
}

const unmeasured = (platform: string): TaskResources => ({
  measured: `not measured: there is no /proc on ${platform}`,
})

interface GpuUse {
  readonly percent: number
  readonly memoryBytes: number
}

type Column = Exclude<keyof ResourceSeries, 'at'>
type Columns = { at: number[] } & Record<Column, number[]>

/** Totals, peaks and points of one attempt. */
function createUse(startedAt: number) {
  const series: Columns = {
    at: [],
    cpuSeconds: [],
    rssBytes: [],
    threads: [],
    processes: [],
    readBytes: [],
    writtenBytes: [],
    gpuPercent: [],
    gpuMemoryBytes: [],
  }
  const total = { cpuSeconds: 0, readBytes: 0, writtenBytes: 0 }
  const peak = { rssBytes: 0, threads: 0, processes: 0, gpuPercent: 0, gpuMemoryBytes: 0 }
  let every = 1
  let hasGpu = false

  return {
    stride: () => every,

    add(at: number, uses: readonly ProcessUse[], gpu: GpuUse | undefined): void {
      const sum = (of: keyof ProcessUse): number => uses.reduce((all, use) => all + use[of], 0)
      // A process that ended unwaited for takes its counters with it: what was used stays used.
      for (const name of ['cpuSeconds', 'readBytes', 'writtenBytes'] as const)
        total[name] = Math.max(total[name], sum(name))
      const now = {
        rssBytes: sum('rssBytes'),
        threads: sum('threads'),
        processes: uses.length,
        gpuPercent: gpu?.percent ?? 0,
        gpuMemoryBytes: gpu?.memoryBytes ?? 0,
      }
      hasGpu ||= gpu !== undefined
      for (const name of ['threads', 'processes', 'gpuPercent', 'gpuMemoryBytes'] as const)
        peak[name] = Math.max(peak[name], now[name])
      peak.rssBytes = Math.max(peak.rssBytes, now.rssBytes, ...uses.map(use => use.peakBytes))
      const point = { ...total, ...now }
      for (const name of Object.keys(point) as Column[]) series[name].push(point[name])
      series.at.push(at - startedAt)
      if (series.at.length < pointsMax) return
      for (const name of Object.keys(series) as (keyof Columns)[])
        series[name] = series[name].filter((_, index) => index % 2 === 1)
      every *= 2
    },

    answer(): TaskResources {
      const { gpuPercent, gpuMemoryBytes, ...common } = series
      const { gpuPercent: gpuPeak, gpuMemoryBytes: gpuMemoryPeak, ...peaks } = peak
      const use: ResourceUse = {
        ...total,
        peakRssBytes: peaks.rssBytes,
        peakThreads: peaks.threads,
        peakProcesses: peaks.processes,
        ...(hasGpu && { peakGpuPercent: gpuPeak, peakGpuMemoryBytes: gpuMemoryPeak }),
      }
      const points = structuredClone(hasGpu ? { ...common, gpuPercent, gpuMemoryBytes } : common)
      return series.at.length === 0
        ? { measured: 'not measured: no look at it saw a process' }
        : { measured: 'sampled', use, series: points }
    },
  }
}
