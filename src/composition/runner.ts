import { createAccess, sqlTokenStore, sqlUserStore } from '#access'
import { isLoopback } from '#http/origin.ts'
import {
  chosenExecutor,
  createCheckpoints,
  createRemotes,
  engineOf,
  isolationKind,
  localExecutor,
  sqlCheckpointStore,
  sqlRemoteStore,
  type Checkpoints,
  type ExecutorSpecs,
  type LocalExecutorDeps,
  type Remotes,
} from '#compute'
import { durationMs } from '#kernel/duration.ts'
import type { Vault } from '#secrets'
import { createWorkflow, localExecutorName, sqlWorkflowStore, type WorkflowDeps } from '#workflow'
import { nodeUrl } from './addresses.ts'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'
import { mlflowEnvironment } from './mlflow-environment.ts'

type Common = Omit<WorkflowDeps, 'store' | 'parallelTasks' | 'taskTimeoutMs'> &
  Omit<
    LocalExecutorDeps,
    'checkpoints' | 'python' | 'env' | 'mlflow' | 'workRetentionMs' | 'environmentRetentionMs' | 'graceMs'
  > &
  Omit<Parameters<typeof mlflowEnvironment>[0], 'access' | 'baseUrl' | 'asksForTokens' | 'taskTimeoutMs'>

const mib = 1024 * 1024

/** The engine, what runs users' code for it, and whom that code acts as. */
export function composeRunner(
  surroundings: Surroundings,
  common: Common & { readonly executorSpecs: ExecutorSpecs; readonly blobFolder: string; readonly vault: Vault },
): Pick<Composition, 'access' | 'checkpoints' | 'executor' | 'remotes' | 'workflow'> {
  const { config, db, clock, env, baseUrl } = surroundings
  const taskTimeoutMs = durationMs(config.taskTimeout)
  const graceMs = durationMs(config.taskGrace)
  const workflow = createWorkflow({
    ...common,
    store: sqlWorkflowStore(db, common.vault),
    parallelTasks: config.parallelTasks,
    parallelRemoteTasks: config.parallelRemoteTasks,
    defaultExecutor: config.executor,
    taskTimeoutMs,
  })
  const access = createAccess({ tokens: sqlTokenStore(db), users: sqlUserStore(db), clock })
  const tracked = { ...common, access, asksForTokens: !isLoopback(config.host), taskTimeoutMs }
  const workRetentionMs = durationMs(config.workRetention)
  const checkpoints = createCheckpoints({ ...common, store: sqlCheckpointStore(db), retentionMs: workRetentionMs })
  const executor = localExecutor({
    ...common,
    checkpoints,
    python: config.python,
    env,
    mlflow: mlflowEnvironment({ ...tracked, baseUrl }),
    workRetentionMs,
    environmentRetentionMs: durationMs(config.environmentRetention),
    graceMs,
    isolation: isolationKind(config),
    hidden: [common.logFolder, common.blobFolder],
    limits: {
      memoryBytes: config.taskMemoryMb * mib || undefined,
      fileBytes: config.taskFileMb * mib || undefined,
      diskBytes: config.taskDiskMb * mib || undefined,
      processes: config.taskProcesses || undefined,
      cpus: config.taskCpus || undefined,
      cgroup: config.taskCgroup || undefined,
    },
  })
  const remotes = composeRemotes(surroundings, {
    ...common,
    checkpoints,
    tracked,
    graceMs,
    retentionMs: workRetentionMs,
  })
  workflow.useExecutor(chosenExecutor({ [localExecutorName]: executor, ...remotes.executors }))
  const stop = (): void => {
    executor.stop()
    remotes.stop()
  }
  return { access, checkpoints, executor: { ...executor, stop }, remotes, workflow }
}

/** What runs users' code on other machines, whose nodes reach the platform at an address of their own. */
function composeRemotes(
  surroundings: Surroundings,
  {
    executorSpecs,
    tracked,
    ...common
  }: Pick<Common, 'blobs' | 'clock'> & {
    executorSpecs: ExecutorSpecs
    tracked: Omit<Parameters<typeof mlflowEnvironment>[0], 'baseUrl'>
    checkpoints: Checkpoints
    graceMs: number
    retentionMs: number
  },
): Remotes {
  const { config, db, env } = surroundings
  const reached = nodeUrl(surroundings)
  return createRemotes({
    ...common,
    engines: Object.fromEntries(Object.entries(executorSpecs).map(([name, spec]) => [name, engineOf(spec, env)])),
    store: sqlRemoteStore(db),
    nodeUrl: reached,
    mlflow: mlflowEnvironment({ ...tracked, baseUrl: reached }),
    silenceMs: durationMs(config.nodeSilence),
    patienceMs: durationMs(config.nodePatience),
  })
}
