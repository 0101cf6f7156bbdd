import { useQuery } from '@tanstack/react-query'
import { useMemo, type ReactNode } from 'react'
import { blobUrl, taskOf } from '../api.ts'
import { bytes, number, plural } from '../format.ts'
import { Facts, Skeleton } from '../ui/card.tsx'
import { LazyTimePlot } from '../ui/charts/index.tsx'
import { Id } from '../ui/copy.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Attempt, Task } from '../wire.ts'
import { TaskEnvironments } from './task-environments.tsx'

const liveMs = 5_000

/** With which code, where, and on what means did this task run? The platform's own notes of the last attempt. */
export function TaskRecord({ task }: { task: Task }) {
  const isLive = task.state === 'running'
  const { data, error } = useQuery({ ...taskOf(task.run, task.id), refetchInterval: isLive && liveMs })
  if (error) return <Trouble error={error} />
  if (!data) return <Skeleton />
  const attempt = data.attempts.at(-1)
  if (!attempt) return <p className="card-body muted small">No attempt has been made at it yet.</p>
  return (
    <div className="card-body stack">
      <Facts facts={factsOf(task.id, attempt)} />
      <TaskEnvironments task={task} />
      <Means attempt={attempt} />
    </div>
  )
}

function factsOf(task: string, { record, tracking }: Attempt): Readonly<Record<string, ReactNode>> {
  const { code, command, environments = [], exit, host } = record
  return {
    Command: command && <code className="clip">{command}</code>,
    Commit: code?.commit && (
      <>
        <code>{code.commit.slice(0, 10)}</code>
        {code.diff && (
          <>
            {' '}
            <a href={blobUrl(code.diff, task)} download={`${code.commit.slice(0, 10)}.diff`}>
              with changes
            </a>
          </>
        )}
      </>
    ),
    Code: code?.tree && <Id id={code.tree} />,
    ...Object.fromEntries(
      environments.map(({ kind, lock, lockDigest, runtime }) => [
        `Environment (${kind})`,
        <span key={kind} title={runtime}>
          <a href={blobUrl(lockDigest, task)} download={lock}>
            {lock}
          </a>
        </span>,
      ]),
    ),
    Host: host && (
      <span title={`${host.cpuModel}, ${host.platform}, ${Object.entries(host.versions).flat().join(' ')}`}>
        {host.name}: {plural(host.cpus, 'core')}, {bytes(host.memoryBytes)}
        {host.gpus && `, ${host.gpus.join(', ')}`}
      </span>
    ),
    Ended: exit && endOf(exit),
    'Tracking run': tracking && <Id id={tracking} />,
  }
}

const endOf = ({ code, signal, cause }: NonNullable<Attempt['record']['exit']>): string => {
  if (cause === 'exit') return `exit code ${code}`
  return cause === 'signal' ? `killed by ${signal}` : cause.replaceAll('_', ' ')
}

function Means({ attempt }: { attempt: Attempt }) {
  const { resources } = attempt.record
  const series = resources?.series
  const lines = useMemo(() => linesOf(series), [series])
  if (!resources?.use)
    return <p className="muted small">Resources: {resources?.measured ?? 'nothing has been measured yet'}.</p>
  const { use } = resources
  return (
    <>
      <Facts
        facts={{
          'CPU time': `${number(use.cpuSeconds)} s`,
          'Peak memory': bytes(use.peakRssBytes),
          Read: known(use.readBytes, bytes),
          Written: known(use.writtenBytes, bytes),
          'Processes, at most': known(use.peakProcesses, String),
          'Threads, at most': known(use.peakThreads, String),
          'GPU load, at most': known(use.peakGpuPercent, percent => `${percent} %`),
          'GPU memory, at most': known(use.peakGpuMemoryBytes, bytes),
        }}
      />
      {series && series.at.length > 1 && (
        <div className="split">
          {lines.map(({ title, values }) => (
            <section key={title} className="stack-tight">
              <h3>{title}</h3>
              <LazyTimePlot
                label={title}
                at={series.at}
                lines={[{ label: title, values, color: 'series-1' }]}
                height={140}
                elapsed
                fromZero
              />
            </section>
          ))}
        </div>
      )}
    </>
  )
}

const known = (value: number | undefined, show: (value: number) => string): string | undefined =>
  value === undefined ? undefined : show(value)

interface Measured {
  readonly title: string
  readonly values: readonly number[]
}

const mb = 1_000_000

/** Counters as what was used between two looks; the first point has nothing before it but the start. */
function linesOf(series: NonNullable<Attempt['record']['resources']>['series']): readonly Measured[] {
  if (!series) return []
  const { at, cpuSeconds, rssBytes, gpuPercent, gpuMemoryBytes } = series
  const cores = cpuSeconds.map((seconds, index) => {
    const ms = at[index]! - (at[index - 1] ?? 0)
    return ms === 0 ? 0 : ((seconds - (cpuSeconds[index - 1] ?? 0)) * 1_000) / ms
  })
  return [
    { title: 'Cores in use', values: cores },
    { title: 'Memory, MB', values: rssBytes.map(size => size / mb) },
    ...(gpuPercent ? [{ title: 'GPU load, %', values: gpuPercent }] : []),
    ...(gpuMemoryBytes ? [{ title: 'GPU memory, MB', values: gpuMemoryBytes.map(size => size / mb) }] : []),
  ]
}
