import { messageOf, TrainyardError } from '#kernel/error.ts'
import { ask, type Question } from './ask.ts'
import { unknownAll, type Engine, type Job, type Observation } from './engine.ts'
import { mebibytesOf, minutesOf, observationOf, scriptOf, type SlurmPlace, type SlurmState } from './slurm-job.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface SlurmRestDeps extends SlurmPlace {
  /** Of slurmrestd, `http://controller:6820`. */
  readonly url: string
  /** In whose name jobs run. */
  readonly user: string
  /** A JWT of that user [scontrol token]. Read at each request: tokens expire. */
  readonly token: () => Promise<string>
}

/** A number as v0.0.38 writes it, and as later versions do. */
type Count = number | { readonly set: boolean; readonly number: number } | null | undefined

/** What is read of a job. Later versions write lists and objects where the first had plain values. */
interface RestJob {
  readonly job_id: number
  readonly name: string
  readonly job_state: string | readonly string[]
  readonly state_reason: string
  readonly exit_code: Count | { readonly return_code: Count; readonly signal?: { readonly id?: Count } }
  readonly restart_cnt: Count
}

interface RestAnswer {
  readonly job_id?: number
  readonly jobs?: readonly RestJob[]
  readonly errors?: readonly {
    readonly error_number?: number
    readonly error?: string
    readonly description?: string
  }[]
}

/** slurmrestd needs 18 s to say that the controller is away. */
const answerMs = 30_000

/** Invalid job id [slurm/slurm_errno.h]: the only error which says that there is no such job. */
const unknownJob = 2017

/** Slurm through slurmrestd, in the newest version of its API that both know. Jobs are named by their number. */
export function slurmRestEngine({ url, user, token, ...place }: SlurmRestDeps): Engine {
  const base = url.replace(/\/$/, '')
  let version: string | undefined

  async function request(path: string, question: Question = {}): Promise<{ status: number; body: RestAnswer }> {
    const headers = { 'x-slurm-user-name': user, 'x-slurm-user-token': await token() }
    const { status, text } = await ask(base + path, { ...question, headers, answerMs })
    if (status === 401) throw new TrainyardError('unavailable', `slurmrestd refuses the token of ${user}.`)
    try {
      return { status, body: JSON.parse(text) as RestAnswer }
    } catch {
      throw new TrainyardError('unavailable', `slurmrestd answers ${status}: ${text.slice(0, 200)}`)
    }
  }

  async function call(path: string, question?: Question): Promise<{ status: number; body: RestAnswer }> {
    version ??= newest((await request('/openapi/v3')).body)
    return request(`/slurm/${version}${path}`, question)
  }

  /** All errors come as 500, that of a controller which is away among them. */
  async function jobs(path: string): Promise<readonly RestJob[]> {
    const { status, body } = await call(path)
    if (status === 200) return body.jobs ?? []
    if (body.errors?.some(error => error.error_number === unknownJob)) return []
    throw new TrainyardError('unavailable', `slurmrestd answers ${status}: ${wordsOf(body)}`)
  }

  const named = async (attempt: string): Promise<string | undefined> =>
    (await jobs('/jobs')).find(job => job.name === attempt)?.job_id.toString()

  return {
    async submit(job) {
      const known = await named(job.attempt)
      if (known !== undefined) return known
      const { status, body } = await call('/job/submit', {
        method: 'POST',
        body: submissionOf(job, place, { asList: version! > 'v0.0.38' }),
      })
      // A job that is taken may come with warnings, as that no node is free.
      if (status === 200 && body.job_id) return String(body.job_id)
      const found = await named(job.attempt)
      if (found !== undefined) return found
      throw new TrainyardError('task_failed', `Slurm does not take the job: ${wordsOf(body)}`, {
        cause: { kind: 'engine' },
      })
    },

    async observe(names) {
      try {
        const found = await Promise.all(names.map(async name => [name, (await jobs(`/job/${name}`))[0]] as const))
        return new Map(
          found.map(([name, job]): [string, Observation] => [
            name,
            job ? observationOf(stateOf(job)) : { state: 'absent' },
          ]),
        )
      } catch (error) {
        return unknownAll(names, messageOf(error))
      }
    },

    async cancel(name) {
      await call(`/job/${name}`, { method: 'DELETE' })
    },

    async log(name) {
      const [job] = place.logFolder === undefined ? [] : await jobs(`/job/${name}`)
      return job ? readFile(join(place.logFolder!, `${job.name}.log`), 'utf8').catch(() => '') : ''
    },
    forget: async () => {},
  }
}

function newest(document: RestAnswer & { readonly paths?: Readonly<Record<string, unknown>> }): string {
  const versions = Object.keys(document.paths ?? {}).flatMap(
    path => /^\/slurm\/(v0\.0\.\d+)\/job\/submit/.exec(path)?.[1] ?? [],
  )
  const found = versions.toSorted().at(-1)
  if (found === undefined)
    throw new TrainyardError('unavailable', 'slurmrestd serves no version of the API of slurmctld.')
  return found
}

/** `requeue` is left out: in v0.0.38 its presence alone, whatever its value, asks for what it should forbid. */
function submissionOf(
  job: Job,
  { partition, account, qos, logFolder }: SlurmPlace,
  { asList }: { asList: boolean },
): object {
  const { attempt, of, resources, nodes, limitMs } = job
  const output = logFolder === undefined ? '/dev/null' : join(logFolder, `${attempt}.log`)
  const path = '/usr/local/bin:/usr/bin:/bin'
  const count = (number: number): unknown => (asList ? { set: true, infinite: false, number } : number)
  return {
    script: scriptOf(job),
    job: {
      name: attempt,
      comment: `trainyard ${of.project} ${of.run} ${of.task}`,
      environment: asList ? [`PATH=${path}`] : { PATH: path },
      current_working_directory: '/tmp',
      standard_output: output,
      standard_error: output,
      open_mode: 'append',
      ...(asList ? { nodes: String(nodes) } : { nodes: [nodes, nodes] }),
      tasks: nodes,
      tasks_per_node: 1,
      time_limit: count(minutesOf(limitMs)),
      ...(resources.cpu !== undefined && { cpus_per_task: Math.ceil(resources.cpu) }),
      ...(resources.memoryBytes !== undefined && { memory_per_node: count(mebibytesOf(resources.memoryBytes)) }),
      ...(resources.gpu !== undefined &&
        (asList ? { tres_per_node: `gres/gpu:${resources.gpu}` } : { gpus_per_node: String(resources.gpu) })),
      ...(partition !== undefined && { partition }),
      ...(account !== undefined && { account }),
      ...(qos !== undefined && { qos }),
    },
  }
}

const numberOf = (count: Count): number => (typeof count === 'object' && count !== null ? count.number : (count ?? 0))

function stateOf({ job_state, state_reason, exit_code, restart_cnt }: RestJob): SlurmState {
  const isRaw = typeof exit_code === 'number' || exit_code === null || exit_code === undefined
  const status =
    isRaw || !('return_code' in exit_code)
      ? numberOf(exit_code as Count)
      : (numberOf(exit_code.return_code) << 8) | numberOf(exit_code.signal?.id)
  const states = typeof job_state === 'string' ? [job_state] : job_state
  return { state: states[0] ?? '', reason: state_reason, status, restarts: numberOf(restart_cnt) }
}

const wordsOf = ({ errors = [] }: RestAnswer): string =>
  errors.map(({ description, error }) => description ?? error).join('; ') || 'no reason given'
