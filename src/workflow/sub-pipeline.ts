import type { Clock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { Projects } from '#project'
import { portOf } from './graph.ts'
import { hasEnded, type Artifact, type Artifacts, type Params, type Run } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { Starter } from './start.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'

/** A task that is a run of another pipeline of the same revision. */

interface Deps {
  readonly store: WorkflowStore
  readonly starter: Pick<Starter, 'prepare'>
  readonly projects: Pick<Projects, 'revision'>
  readonly clock: Clock
}

/** How long to look away from a run that was begun before, and whose end may have gone unseen. */
const lookMs = 1_000

interface Called {
  readonly claim: Claim
  readonly run: Run
  readonly params: Params
}

/**
 * Called first, the run begins, or goes on where an earlier try at the task has left it; called again when it has ended.
 * Throws `task_failed` when it came to nothing.
 */
export async function subPipeline(deps: Deps, called: Called): Promise<Outcome> {
  const { claim, run } = called
  const child = claim.child === undefined ? undefined : await deps.store.findRun(claim.child)
  if (!child) return waitFor({ draft: await draftOf(deps, called) })
  if (!hasEnded(child.state))
    return { state: 'waiting', waitingFor: `run ${child.id}`, nextAt: deps.clock.now() + lookMs }
  if (child.state === 'succeeded')
    return { state: 'succeeded', outputs: await outputsOf(deps, { claim, run, child }), metrics: {} }
  if (claim.isNew) return waitFor({ resume: child })
  throw new TrainyardError(
    'task_failed',
    `Run ${child.id} of ${child.pipeline} ${child.state}: ${child.error ?? 'no reason is known'}`,
    {
      cause: { kind: 'pipeline', run: child.id },
    },
  )
}

const draftOf = ({ starter }: Deps, { claim, run, params }: Called) =>
  starter.prepare({
    project: run.project,
    pipeline: claim.spec.pipeline!,
    // What it is given beside, the item that it is for, is not the pipeline's.
    params: Object.fromEntries(Object.entries(params).filter(([name]) => Object.hasOwn(claim.spec.params, name))),
    cause: { kind: 'platform', reason: `It is task ${claim.name} of a run of ${run.pipeline}.`, ref: run.id },
    actor: run.actor,
    parent: { run, task: claim.task },
  })

const waitFor = (
  child: Extract<Outcome, { state: 'waiting' }>['child'] & {},
): Extract<Outcome, { state: 'waiting' }> => ({
  state: 'waiting',
  waitingFor: `run ${'draft' in child ? child.draft.run.id : child.resume.id}`,
  nextAt: null,
  child,
})

/** What the pipeline gives, of what its tasks have given. */
async function outputsOf(
  { store, projects }: Deps,
  { claim, run, child }: { claim: Claim; run: Run; child: Run },
): Promise<Artifacts> {
  const { spec } = await projects.revision(run.revision!)
  const ports = Object.entries(spec.pipelines[claim.spec.pipeline!]!.outputs ?? {})
  const producers = await store.outputs(child.id, [...new Set(ports.map(([, port]) => portOf(port).task))])
  const given = ports.map(([name, port]) => [name, producers[portOf(port).task]?.outputs[portOf(port).output]] as const)
  return Object.fromEntries(given.filter((entry): entry is [string, Artifact] => entry[1] !== undefined))
}
