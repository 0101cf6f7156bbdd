import { messageOf, TrainyardError } from '#kernel/error.ts'
import { ask, type Answer, type Question } from './ask.ts'
import { unknownAll, type Engine, type EngineCause, type EngineEnd, type Job, type Observation } from './engine.ts'
import { shellCommand } from './shell.ts'

export interface RayDeps {
  /** Of the dashboard, `http://head:8265`. */
  readonly url: string
  /** For clusters that ask for one (RAY_AUTH_MODE=token), and for a proxy before it. Read at each request: tokens change. */
  readonly token?: () => Promise<string>
}

/** A head whose agent is still starting lets a submission wait for 10 s before it says so. */
const submitMs = 30_000

/** What is read of a job's details. */
interface RayJob {
  readonly submission_id: string | null
  readonly status: 'PENDING' | 'RUNNING' | 'STOPPED' | 'SUCCEEDED' | 'FAILED'
  readonly message?: string | null
  readonly error_type?: string | null
  readonly driver_exit_code?: number | null
}

/** Ray's job submission API [docs.ray.io, Ray Jobs REST API], version 4. The attempt's id is the submission id. */
export function rayEngine({ url, token }: RayDeps): Engine {
  const base = `${url.replace(/\/$/, '')}/api/jobs/`

  async function call(path: string, question: Question = {}): Promise<Answer> {
    const answer = await ask(base + path, {
      ...question,
      ...(token && { headers: { authorization: `Bearer ${await token()}` } }),
    })
    if (answer.status === 401 || answer.status === 403)
      throw new TrainyardError('unavailable', `Ray refuses the token: ${answer.text.slice(0, 200)}`)
    return answer
  }

  async function find(id: string): Promise<RayJob | undefined> {
    const { status, text } = await call(id)
    if (status === 404) return undefined
    if (status !== 200) throw new TrainyardError('unavailable', `Ray answers ${status}: ${text.slice(0, 500)}`)
    return JSON.parse(text) as RayJob
  }

  return {
    async submit(job) {
      // Two submissions of one id that overlap can make both fail [ray-project/ray#31356]: look first, and afterwards.
      if (await find(job.attempt)) return job.attempt
      const { status, text } = await call('', { method: 'POST', body: submissionOf(job), answerMs: submitMs })
      if (status === 200 || (await find(job.attempt))) return job.attempt
      // 400 is about what was said, 500 about the cluster, such as a head without an agent yet.
      if (status >= 500) throw new TrainyardError('unavailable', `Ray answers ${status}: ${lastLine(text)}`)
      throw new TrainyardError('task_failed', `Ray does not take the job: ${lastLine(text)}`, {
        cause: { kind: 'engine' },
      })
    },

    async observe(names) {
      try {
        return new Map(await Promise.all(names.map(async name => [name, observationOf(await find(name))] as const)))
      } catch (error) {
        return unknownAll(names, messageOf(error))
      }
    },

    // Of a job that has not started the answer is also yes, and it stays PENDING for a while: nobody should wait for it.
    async cancel(name) {
      await call(`${name}/stop`, { method: 'POST' })
    },

    async log(name) {
      const { status, text } = await call(`${name}/logs`)
      return status === 200 ? ((JSON.parse(text) as { logs: string | null }).logs ?? '') : ''
    },

    async forget(name) {
      await call(name, { method: 'DELETE' })
    },
  }
}

function submissionOf({ attempt, of, command, env, resources }: Job): object {
  return {
    submission_id: attempt,
    // A shell of its own leads the process group, to which Ray's TERM goes.
    entrypoint: `exec ${shellCommand(command)}`,
    metadata: { platform: 'trainyard', ...of, attempt },
    runtime_env: { env_vars: env },
    ...(resources.cpu !== undefined && { entrypoint_num_cpus: resources.cpu }),
    ...(resources.gpu !== undefined && { entrypoint_num_gpus: resources.gpu }),
    ...(resources.memoryBytes !== undefined && { entrypoint_memory: resources.memoryBytes }),
  }
}

function observationOf(job: RayJob | undefined): Observation {
  if (!job) return { state: 'absent' }
  const because = job.message ? { because: job.message.slice(0, 2_000) } : {}
  switch (job.status) {
    case 'PENDING':
      return { state: 'queued', ...because }
    case 'RUNNING':
      return { state: 'running' }
    case 'SUCCEEDED':
      return { state: 'ended', end: { code: 0, cause: 'succeeded' } }
    case 'STOPPED':
      return { state: 'ended', end: { cause: 'cancelled', ...because } }
    case 'FAILED':
      return { state: 'ended', end: { ...failureOf(job), ...because } }
  }
}

/** A shell's way to say that a signal ended its command is 128 and the signal's number. */
function failureOf({ error_type: type, driver_exit_code: code }: RayJob): EngineEnd {
  const cause: EngineCause = (type && causes[type]) || 'node'
  if (code === null || code === undefined) return { cause }
  return code < 0 ? { signal: -code, cause } : code > 128 ? { signal: code - 128, cause } : { code, cause }
}

const causes: Readonly<Record<string, EngineCause>> = {
  JOB_ENTRYPOINT_COMMAND_ERROR: 'exit',
  JOB_ENTRYPOINT_COMMAND_START_ERROR: 'environment',
  RUNTIME_ENV_SETUP_FAILURE: 'environment',
}

/** Ray answers with a Python traceback, whose last line is the error. */
const lastLine = (text: string): string =>
  text
    .replace(/[\s.]+$/, '')
    .split('\n')
    .at(-1) ?? ''
