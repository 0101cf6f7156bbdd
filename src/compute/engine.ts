import type { AttemptId } from '#workflow'

/**
 * A cluster that runs jobs: Ray, Slurm, Kubernetes. What a job does is the shim's affair, which reports to the platform by
 * itself; the engine starts it, ends it, and is the second witness of what became of it.
 *
 * Adapters must pass engine.contract.ts.
 */
export interface Engine {
  /**
   * Starts the job and answers its name in the engine; of an attempt that has a job already, that job's name. Throws
   * `unavailable` when the engine does not answer, in which case the job may have been started or not, and `task_failed`
   * when it will not take the job.
   */
  submit(job: Job): Promise<string>
  /** What the engine knows of these jobs, one observation each. Never throws: what cannot be asked is `unknown`. */
  observe(names: readonly string[]): Promise<ReadonlyMap<string, Observation>>
  /** Asks the job to end (TERM), and ends it after the grace that it was submitted with. Jobs that have ended are no error. */
  cancel(name: string): Promise<void>
  /** What the job printed, as far as the engine kept it: for jobs that never reached the platform. */
  log(name: string): Promise<string>
  /** Takes an ended job off the engine's books, where it keeps them. */
  forget(name: string): Promise<void>
}

/** One attempt as a job. */
export interface Job {
  readonly attempt: AttemptId
  /** Whose it is, for the people who look at the engine. */
  readonly of: { readonly project: string; readonly run: string; readonly task: string }
  /** The command to run on each node, by its argument vector. */
  readonly command: readonly string[]
  /** Added to what the engine gives its jobs. Values hold no `$`, which Ray would put variables for. */
  readonly env: Readonly<Record<string, string>>
  /** Of each node. */
  readonly resources: Resources
  /** How many nodes run the command together. Each is told RANK, WORLD_SIZE and MASTER_ADDR when there are several. */
  readonly nodes: number
  /** What the containers are made from, where the engine runs containers. */
  readonly image: string | undefined
  readonly graceMs: number
  /** After so long the engine ends the job by itself: behind the platform's own limit, in case that is gone. */
  readonly limitMs: number
}

export interface Resources {
  readonly cpu?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly gpu?: number | undefined
}

export type Observation =
  /** Accepted, and waiting for room. */
  | { readonly state: 'queued'; readonly because?: string }
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly end: EngineEnd }
  /** The engine answers, and has no such job (any more). */
  | { readonly state: 'absent' }
  /** The engine does not answer, which says nothing about the job. */
  | { readonly state: 'unknown'; readonly because: string }

/** How a job ended, in the engine's eyes. */
export interface EngineEnd {
  readonly code?: number
  readonly signal?: number
  readonly cause: EngineCause
  /** The engine's own words. */
  readonly because?: string
}

/**
 * `exit` is the command's own affair; `memory`: it took more than it may; `preempted`: the engine wanted the room for
 * someone else; `node`: the machine or the engine's own part of it broke; `environment`: what the job needs could not be
 * set up; `limit`: the engine's own time limit.
 */
export type EngineCause = 'succeeded' | 'exit' | 'cancelled' | 'memory' | 'preempted' | 'node' | 'environment' | 'limit'

/** The same observation of all, when the engine as a whole could not be asked. */
export const unknownAll = (names: readonly string[], because: string): ReadonlyMap<string, Observation> =>
  new Map(names.map(name => [name, { state: 'unknown', because }]))

/** A raw wait status [wait(2)] in the parts that people know. */
export function endOfStatus(status: number): Pick<EngineEnd, 'code' | 'signal' | 'cause'> {
  const signal = status & 0x7f
  if (signal !== 0) return { signal, cause: 'exit' }
  const code = (status >> 8) & 0xff
  return { code, cause: code === 0 ? 'succeeded' : 'exit' }
}
