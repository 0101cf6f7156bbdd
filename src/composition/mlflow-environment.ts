import type { Access } from '#access'
import type { Mlflow } from '#compute'
import type { Clock, Millis } from '#kernel/clock.ts'

interface Parts {
  /** Where this server is reached. */
  baseUrl(): string
  readonly access: Pick<Access, 'createToken' | 'revokeToken'>
  readonly clock: Clock
  /** Whether the server asks everyone for a token. */
  readonly asksForTokens: boolean
  /** How long a task may take when it says nothing. */
  readonly taskTimeoutMs: number
  warn(facts: object, message: string): void
}

/**
 * What makes MLflow in a task's code log to this platform without a word: `mlflow.start_run()` and autologging write
 * into the run that the platform has opened for the task, further runs go to the same experiment and carry its tags.
 * Code that sets these variables itself has its way.
 */
export function mlflowEnvironment(parts: Parts): Mlflow {
  const open: Mlflow['open'] = async ({ id, run, task, tracking }) => {
    if (tracking === undefined) return { variables: {} }
    const variables = {
      MLFLOW_TRACKING_URI: reachable(parts.baseUrl()),
      MLFLOW_EXPERIMENT_NAME: `${run.project}/${run.pipeline}/${task}`,
      MLFLOW_RUN_ID: tracking,
      MLFLOW_RUN_CONTEXT: JSON.stringify({
        'trainyard.tracking_run': tracking,
        'trainyard.run': run.id,
        'trainyard.task': task,
      }),
    }
    if (!parts.asksForTokens) return { variables }
    const { token, secret } = await parts.access.createToken({
      name: `task ${id}`,
      role: 'editor',
      projects: [run.project],
      expiresAt: (parts.clock.now() + Math.max(parts.taskTimeoutMs, tokenMsMin)) as Millis,
    })
    return { variables: { ...variables, MLFLOW_TRACKING_TOKEN: secret }, token: { id: token.id, secret } }
  }
  const close: Mlflow['close'] = token =>
    parts.access
      .revokeToken(token)
      .catch((error: unknown) => parts.warn({ token, err: error }, 'token of a task could not be revoked'))
  return { open, close }
}

/** A task's token is revoked when it ends; one whose server died meanwhile is good for no longer than this, or its time. */
const tokenMsMin = 24 * 60 * 60_000

/** A server that listens everywhere is reached on this machine by its own name for itself. */
function reachable(url: string): string {
  const address = new URL(url)
  if (address.hostname === '0.0.0.0') address.hostname = '127.0.0.1'
  if (address.hostname === '[::]') address.hostname = '[::1]'
  return address.origin
}
