import { counted } from '#kernel/counted.ts'
import type { Client } from './client.ts'
import { countsOf, shownMax } from './follow-run.ts'
import { table } from './output.ts'

interface Run {
  id: string
  pipeline: string
  state: string
  commit?: string
  error?: string
  cause: { reason: string }
}

interface Task {
  id: string
  name: string
  kind: string
  state: string
  attempt: number
  startedAt?: number
  endedAt?: number
}

interface Attempt {
  number: number
  state: string
  tracking?: string
  record: {
    code?: { commit?: string; diff?: string }
    command?: string
    environments?: { lock: string; digest: string }[]
    host?: { name: string; cpus: number; memoryBytes: number }
    exit?: { code?: number; signal?: string; cause: string }
    resources?: {
      measured: string
      use?: {
        cpuSeconds: number
        peakRssBytes: number
        /** What was read and written is known of what was looked at while it ran. */
        readBytes?: number
        writtenBytes?: number
        peakGpuPercent?: number
      }
    }
  }
}

export interface RunStatus {
  readonly run: Run
  /** How many of its tasks are in which state. */
  readonly states: Readonly<Record<string, number>>
  /** The first of them. */
  readonly tasks: readonly { readonly task: Task; readonly attempts: readonly Attempt[] }[]
}

export async function runStatus(client: Client, id: string): Promise<RunStatus> {
  const path = `/api/v1/runs/${encodeURIComponent(id)}`
  const { run, states, tasks } = await client.get<{
    run: Run
    states: RunStatus['states']
    tasks: { items: Task[] }
  }>(`${path}/overview?limit=${shownMax}`)
  return {
    run,
    states,
    tasks: await Promise.all(
      tasks.items.map(task => client.get<{ task: Task; attempts: Attempt[] }>(`${path}/tasks/${task.id}`)),
    ),
  }
}

/** A run on one screen: each of its first tasks with how it ended, how long it took and what it used in its last attempt. */
export function statusLines({ run, states, tasks }: RunStatus): readonly string[] {
  const records = tasks.map(({ attempts }) => attempts.at(-1)?.record)
  const host = records.find(record => record?.host)?.host
  const code = records.find(record => record?.code?.commit !== undefined)?.code
  const all = Object.values(states).reduce((sum, count) => sum + count, 0)
  return [
    `${run.id}  ${run.pipeline}  ${run.state}`,
    `because: ${run.cause.reason}`,
    ...(code
      ? [
          `commit: ${code.commit!.slice(0, 12)}${code.diff === undefined ? '' : ` with changes, diff ${code.diff.slice(0, 12)}`}`,
        ]
      : []),
    ...(host ? [`host: ${host.name}, ${counted(host.cpus, 'core')}, ${mib(host.memoryBytes)}`] : []),
    '',
    ...table(
      ['task', 'state', 'attempt', 'took', 'cpu', 'peak memory', 'read', 'written', 'end', 'environment'],
      tasks.map(({ task }, index) => rowOf(task, records[index])),
    ),
    ...(all > tasks.length ? [`… and ${all - tasks.length} more. In all: ${countsOf(states)}`] : []),
    ...(run.error === undefined ? [] : ['', run.error]),
  ]
}

function rowOf(task: Task, record: Attempt['record'] | undefined): readonly string[] {
  const use = record?.resources?.use
  const environment = record?.environments?.[0]
  const took = task.startedAt && task.endedAt ? `${((task.endedAt - task.startedAt) / 1_000).toFixed(1)} s` : ''
  return [
    task.name,
    task.state,
    String(task.attempt),
    took,
    use ? `${use.cpuSeconds.toFixed(1)} s` : '',
    use ? mib(use.peakRssBytes) : '',
    use?.readBytes === undefined ? '' : mib(use.readBytes),
    use?.writtenBytes === undefined ? '' : mib(use.writtenBytes),
    endOf(record?.exit),
    environment ? `${environment.lock} ${environment.digest.slice(0, 12)}` : '',
  ]
}

const endOf = (exit: Attempt['record']['exit']): string =>
  exit === undefined
    ? ''
    : exit.cause === 'exit'
      ? `exit ${exit.code}`
      : exit.cause === 'signal'
        ? exit.signal!
        : exit.cause

const mib = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`
