import { endOfStatus, type EngineCause, type Job, type Observation } from './engine.ts'
import { shellCommand, shellWord } from './shell.ts'

/** What both ways to Slurm have in common: the batch script, and what its states mean. */

/** Where an account's jobs go. What is left out is the cluster's default. */
export interface SlurmPlace {
  readonly partition?: string | undefined
  readonly account?: string | undefined
  readonly qos?: string | undefined
  /** On a file system that the nodes and this machine share. Without it nothing is kept of what a job prints. */
  readonly logFolder?: string | undefined
}

/**
 * The script: everything that the job needs is in it, as nothing is inherited from this machine. On several nodes Slurm
 * starts the command once on each, and ends all when one fails.
 */
export function scriptOf({ command, env, nodes, attempt }: Job): string {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}=${shellWord(value)}`)
  if (nodes === 1) return ['#!/bin/sh', ...lines, `exec ${shellCommand(command)}`, ''].join('\n')
  return [
    '#!/bin/sh',
    ...lines,
    'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
    // A node's name need not be one that the others can resolve.
    `MASTER_ADDR=$(scontrol show node "$first" | sed -n 's/.*NodeAddr=\\([^ ]*\\).*/\\1/p')`,
    // Several jobs may share a node.
    'MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))',
    'export MASTER_ADDR MASTER_PORT',
    `exec srun --kill-on-bad-exit=1 --ntasks-per-node=1 --job-name=${shellWord(attempt)} sh -c ${shellWord(
      `RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS exec ${shellCommand(command)}`,
    )}`,
    '',
  ].join('\n')
}

/** Whole minutes, which is what Slurm counts in. */
export const minutesOf = (ms: number): number => Math.max(1, Math.ceil(ms / 60_000))
/** Slurm's megabytes are 2²⁰ bytes. */
export const mebibytesOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / 2 ** 20))

export interface SlurmState {
  /** `RUNNING`, `FAILED`, … [squeue(1), job state codes]. */
  readonly state: string
  readonly reason: string
  /** A raw wait status. */
  readonly status: number
  /** How often Slurm has put the job back into its queue. */
  readonly restarts: number
}

export function observationOf({ state, reason, status, restarts }: SlurmState): Observation {
  const because = reason === '' || reason === 'None' ? {} : { because: reason }
  // Back in the queue: its node broke, or a restarted controller tried to launch it a second time. Attempts are never run twice.
  if (state === 'PENDING' && restarts > 0)
    return { state: 'ended', end: { cause: 'node', because: `Slurm put it back into the queue: ${reason}` } }
  if (state === 'PENDING') return { state: 'queued', ...because }
  if (!Object.hasOwn(causes, state)) return { state: 'running' }
  const cause = causes[state]!
  const isOwn = cause === 'exit' || cause === 'succeeded'
  return { state: 'ended', end: { ...(isOwn ? endOfStatus(status) : { cause }), ...because } }
}

/** States that are final; all others are ways to be running. */
const causes: Readonly<Record<string, EngineCause>> = {
  COMPLETED: 'succeeded',
  FAILED: 'exit',
  CANCELLED: 'cancelled',
  OUT_OF_MEMORY: 'memory',
  PREEMPTED: 'preempted',
  TIMEOUT: 'limit',
  DEADLINE: 'limit',
  NODE_FAIL: 'node',
  BOOT_FAIL: 'node',
  REVOKED: 'node',
  REQUEUED: 'node',
  REQUEUE_HOLD: 'node',
  REQUEUE_FED: 'node',
  SPECIAL_EXIT: 'node',
}
