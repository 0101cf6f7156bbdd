import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import { unknownAll, type Engine, type Job, type Observation } from './engine.ts'
import { mebibytesOf, minutesOf, observationOf, scriptOf, type SlurmPlace } from './slurm-job.ts'

export interface SlurmDeps extends SlurmPlace {
  /** The platform's own environment: where the commands and their configuration are. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Slurm through its commands on this machine (22.05 or later), as the user that runs the platform. Jobs are known by their
 * name, which is the attempt's id: a repeated submission finds the first.
 */
export function slurmEngine({ env, ...place }: SlurmDeps): Engine {
  const run = (file: string, args: readonly string[], input = ''): Promise<string> =>
    runTool({ file, args, input, env: toolEnv(env) })

  async function rows(names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const out = await run('squeue', ['--me', '--noheader', '--states=all', `--name=${names.join(',')}`, '-O', columns])
    const lines = out.split('\n').filter(line => line.trim() !== '')
    return new Map(lines.map(line => line.split('|')).map(row => [row[0]!, row]))
  }

  const observe = async (names: readonly string[]): Promise<ReadonlyMap<string, Observation>> => {
    const known = await rows(names)
    return new Map(
      names.map(name => {
        const [, state = '', reason = '', status, restarts] = known.get(name) ?? []
        return [
          name,
          state === ''
            ? { state: 'absent' }
            : observationOf({ state, reason, status: Number(status), restarts: Number(restarts) }),
        ]
      }),
    )
  }

  return {
    async submit(job) {
      if ((await rows([job.attempt])).has(job.attempt)) return job.attempt
      await run('sbatch', submissionOf(job, place), scriptOf(job)).catch(async (error: unknown) => {
        // What the controller refused and what never reached it end alike.
        if ((await rows([job.attempt])).has(job.attempt)) return
        throw new TrainyardError('task_failed', `Slurm does not take the job: ${messageOf(error)}`, {
          cause: { kind: 'engine' },
        })
      })
      return job.attempt
    },

    observe: names => observe(names).catch((error: unknown) => unknownAll(names, messageOf(error))),

    // TERM to all that belongs to the job, and KILL after the cluster's KillWait.
    async cancel(name) {
      await run('scancel', ['--me', `--name=${name}`])
    },

    log: async name =>
      place.logFolder === undefined ? '' : readFile(join(place.logFolder, `${name}.log`), 'utf8').catch(() => ''),
    forget: async () => {},
  }
}

const columns = 'Name:|,State:|,Reason:|,exit_code:|,RestartCnt:|'

function submissionOf(
  { attempt, of, resources, nodes, limitMs }: Job,
  { partition, account, qos, logFolder }: SlurmPlace,
): readonly string[] {
  return [
    '--parsable',
    `--job-name=${attempt}`,
    `--comment=trainyard ${of.project} ${of.run} ${of.task}`,
    `--output=${logFolder === undefined ? '/dev/null' : join(logFolder, `${attempt}.log`)}`,
    '--open-mode=append',
    '--no-requeue',
    `--nodes=${nodes}`,
    `--ntasks-per-node=1`,
    `--time=${minutesOf(limitMs)}`,
    ...(resources.cpu === undefined ? [] : [`--cpus-per-task=${Math.ceil(resources.cpu)}`]),
    ...(resources.memoryBytes === undefined ? [] : [`--mem=${mebibytesOf(resources.memoryBytes)}M`]),
    ...(resources.gpu === undefined ? [] : [`--gpus-per-node=${resources.gpu}`]),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(account === undefined ? [] : [`--account=${account}`]),
    ...(qos === undefined ? [] : [`--qos=${qos}`]),
    '--chdir=/tmp',
  ]
}

/** By default a job inherits the environment that sbatch runs in: it gets no more than a login would. */
const toolEnv = (env: SlurmDeps['env']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => value !== undefined && /^(PATH|HOME|USER|LANG|SLURM_CONF)$/.test(name),
    ),
  ) as Record<string, string>

const toolMsMax = 60_000

/** What a command printed. Throws `unavailable` with its last words when it failed. */
async function runTool({
  file,
  args,
  input,
  env,
}: {
  file: string
  args: readonly string[]
  input: string
  env: Record<string, string>
}): Promise<string> {
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: toolMsMax })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]).catch(
    (error: unknown) => {
      throw new TrainyardError('unavailable', `${file} cannot be run: ${messageOf(error)}`)
    },
  )
  if (code === 0) return out
  throw new TrainyardError('unavailable', `${file} failed: ${errors.trim().slice(-500)}`)
}
