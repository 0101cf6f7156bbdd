import { conflict, notFound, TrainyardError } from '#kernel/error.ts'
import type { Clock } from '#kernel/clock.ts'
import { deciders, type ApprovalSpec } from '#project'
import type { Outbox, Signal } from '#storage'
import type { Announcer } from './announce.ts'
import { taskDecided } from './events.ts'
import type { Run, TaskRun } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import type { verdicts } from './wire.ts'

/** Somebody's word on whether a run goes on. */
export interface Decision {
  readonly verdict: (typeof verdicts)[number]
  readonly reason: string
  readonly actor: string
  /** What they are in the project. */
  readonly role: string
}

/** Who may decide, as people see it. */
export const approvalOf = ({ message, roles = [...deciders] }: ApprovalSpec): { message: string; roles: string[] } => ({
  message,
  roles: [...roles],
})

interface Deps {
  readonly store: WorkflowStore
  readonly outbox: Outbox
  readonly announcer: Announcer
  readonly clock: Clock
  readonly changed: Signal
}

/**
 * Ends an approval: its task succeeds, or fails with the reason. Throws `not_found`, `conflict` when it waits for nobody
 * or was decided already, `forbidden` for a role that has no say.
 */
export async function decide(
  { store, outbox, announcer, clock, changed }: Deps,
  run: Run,
  name: string,
  decision: Decision,
): Promise<TaskRun> {
  const task = await store.findTaskRun(run.id, name)
  if (!task) throw notFound('task', name)
  requireSay(task, decision)
  const at = clock.now()
  const outcome = outcomeOf(decision, at)
  const done = await store.transaction(async tx => {
    const finished = await store.decide(tx, { run: run.id, task: task.id, outcome, at })
    if (!finished) return false
    const { verdict, reason, actor, role } = decision
    const data = { run: run.id, task: task.id, name: task.name, verdict, role, reason }
    await outbox.emit(tx, taskDecided, { project: run.project, actor, data })
    const given = {
      spec: { inputs: {} },
      inputs: {},
      producers: {},
      outputs: outcome.state === 'succeeded' ? outcome.outputs : {},
      facts: { verdict, by: actor, role, reason },
    }
    await announcer.tasks(tx, [{ done: finished, given }])
    return true
  })
  if (!done) throw conflict(`Task ${task.name} waits for no decision: it is ${task.state}.`, { state: task.state })
  changed.notify()
  return (await store.findTaskRun(run.id, task.id))!
}

function requireSay({ name, state, approval }: TaskRun, { role }: Decision): void {
  if (!approval) throw conflict(`Task ${name} is no approval.`, { task: name })
  if (state !== 'waiting') throw conflict(`Task ${name} waits for no decision: it is ${state}.`, { task: name, state })
  if (approval.roles.includes(role)) return
  const required = approval.roles.join(' or ')
  throw new TrainyardError('forbidden', `Task ${name} is decided by ${required}.`, { role, required })
}

function outcomeOf({ verdict, reason, actor, role }: Decision, at: number): Outcome {
  if (verdict === 'reject') return { state: 'failed', error: `Rejected by ${actor}: ${reason}` }
  return { state: 'succeeded', outputs: { decision: { value: { verdict, by: actor, role, reason, at } } }, metrics: {} }
}
