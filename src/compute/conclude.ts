import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Blobs } from '#storage'
import type { Attempt, Execution, TaskResources } from '#workflow'
import { exitOf, failed, lastLines, lost, stopped } from './end.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Mlflow } from './mlflow-access.ts'
import { follow } from './follow.ts'
import type { LocalHandle } from './handle.ts'
import { tailMetrics } from './metrics-tail.ts'
import type { ResourceMeter } from './resources.ts'
import type { ShimExit } from './shim.ts'
import { markName } from './task-environment.ts'
import { collectOutputs, folderAt, readMetrics, slim, touch } from './work-folder.ts'

interface Deps {
  readonly blobs: Blobs
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly meter: ResourceMeter
  readonly mlflow?: Mlflow
  readonly graceMs: number
}

interface Follow {
  readonly handle: LocalHandle
  /** See {@link follow}. */
  readonly gone?: Promise<void>
}

/** Follows an attempt to its end, which is written down so that whoever comes after a crash finds the same. */
export async function conclude(deps: Deps, attempt: Attempt, { handle, gone }: Follow): Promise<Execution> {
  const { process: shim, folder, token } = handle
  const { signal } = attempt
  const mark = [markName, attempt.id] as const
  const container = attempt.spec.image === undefined ? undefined : mark.join('=')
  const watch = deps.meter.watch({ session: shim.pid, container }, resources => attempt.record({ resources }))
  const running = { folder, process: shim, mark, ...(gone && { gone }) }
  const tail = tailMetrics(folderAt(folder, attempt).metrics, attempt.measured)
  const watching = attempt.spec.checkpoint
    ? deps.checkpoints.watch(attempt, folderAt(folder, attempt).checkpoint)
    : undefined
  const exit = await follow(running, { signal, graceMs: deps.graceMs })
    .finally(tail.end)
    .catch(async error => {
      // Whoever follows it from here on keeps it.
      await watching?.end({ isNeeded: false })
      throw error
    })
  const sampled = watch.end()
  await watching?.end({ isNeeded: exit?.cause !== 'succeeded' })
  // Of a container the command that is waited for is the engine, and not the task.
  const resources = exit && container === undefined ? measured(sampled, exit) : sampled
  attempt.record({ resources, ...(exit && { exit: exitOf(exit) }) })
  if (token !== null) await deps.mlflow?.close(token)
  const lines = await lastLines(handle.log, handle.logFrom)
  if (signal.aborted) throw stopped(signal.reason, lines)
  if (!exit) throw lost('The process that held the task is gone, and the task with it.')
  if (exit.cause === 'stopped' || exit.cause === 'unwanted') throw lost('Something else has ended the task.')
  if (exit.cause !== 'succeeded') throw failed(exit, lines)
  const result = await resultOf(deps, attempt, { handle, exit })
  if (attempt.spec.checkpoint) await deps.checkpoints.settle(attempt.key)
  return result
}

/** What was sampled, and what the kernel says of the command and the children it has waited for [getrusage(2)]. */
const measured = (sampled: TaskResources, { cpuSeconds, peakRssBytes }: ShimExit): TaskResources => {
  const { use } = sampled
  if (!use)
    return { measured: 'counted by the kernel: nothing looked at it in time', use: { cpuSeconds, peakRssBytes } }
  const most = {
    cpuSeconds: Math.max(use.cpuSeconds, cpuSeconds),
    peakRssBytes: Math.max(use.peakRssBytes, peakRssBytes),
  }
  return { ...sampled, use: { ...use, ...most } }
}

/** What a success has made. It is written down before the outputs go. */
async function resultOf(
  { blobs, clock }: Deps,
  attempt: Attempt,
  { handle, exit }: { handle: LocalHandle; exit: ShimExit },
): Promise<Execution> {
  const folder = folderAt(handle.folder, attempt)
  const path = join(folder.root, 'result.json')
  const known = await readFile(path, 'utf8').catch(() => undefined)
  if (known !== undefined) return JSON.parse(known) as Execution
  const result: Execution = {
    outputs: await collectOutputs(blobs, folder),
    metrics: await readMetrics(folder),
    facts: {
      host: handle.host,
      pid: exit.pid,
      exit: 0,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      seconds: exit.seconds,
      seed: attempt.seed,
      ...(handle.environments.length > 0 && { environment: handle.environments[0]! }),
    },
  }
  await writeFile(`${path}.part`, JSON.stringify(result))
  await rename(`${path}.part`, path)
  await slim(folder)
  await touch(folder, clock)
  return result
}
