import type { Json } from '#kernel/json.ts'
import type { Projects } from '#project'
import { thisHost } from './host.ts'
import type { TaskRecord } from './record.ts'
import type { Artifacts, Run, RunTask } from './run.ts'
import type { Outcome } from './outcome.ts'
import { stopKind } from './stop.ts'

/** What is known of an attempt before it begins. */
export async function recordAtStart(
  projects: Pick<Projects, 'revision'>,
  { run, spec, inputs }: { run: Run; spec: RunTask; inputs: Artifacts },
): Promise<TaskRecord> {
  return {
    code: await codeOf(projects, run),
    command: spec.run ?? spec.function ?? spec.uses ?? spec.pipeline ?? spec.approval!.message,
    host: thisHost(),
    inputs: withoutValues(inputs),
    ...(spec.uses !== undefined && { resources: { measured: 'not measured: the platform does this task itself' } }),
  }
}

async function codeOf(
  projects: Pick<Projects, 'revision'>,
  { code: tree, revision, commit }: Run,
): Promise<NonNullable<TaskRecord['code']>> {
  const base = revision === undefined ? undefined : (await projects.revision(revision)).base
  return {
    ...(tree !== undefined && { tree }),
    ...(revision !== undefined && { revision }),
    ...((commit ?? base) !== undefined && { commit: commit ?? base!.commit }),
    ...(base?.diff !== undefined && { diff: base.diff }),
  }
}

/** Which bytes and things; values stand in the task itself, and may be large. */
export const withoutValues = (artifacts: Artifacts): Artifacts =>
  Object.fromEntries(Object.entries(artifacts).map(([name, { value: _, ...artifact }]) => [name, artifact]))

/** Why it ended: the platform's reason to stop it comes before what its process said. */
export function causeOfEnd(
  outcome: Outcome,
  {
    signal,
    facts,
    said,
  }: { signal: AbortSignal; facts: Readonly<Record<string, Json>>; said: TaskRecord['exit'] | undefined },
): string {
  if (outcome.state === 'succeeded' || outcome.state === 'cached') return outcome.state
  const stopped = stopKind(signal)
  if (stopped !== undefined) return stopped
  if (said !== undefined && said.cause !== 'succeeded') return said.cause
  return (facts['cause'] as { kind?: string } | undefined)?.kind ?? 'error'
}
