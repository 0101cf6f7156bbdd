import type { Digest } from '#kernel/digest.ts'
import type { Event } from '#kernel/event.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { sourcePushed } from '#source'
import type { PlatformTask, RunTask, TaskCall, TaskResult } from '#workflow'
import type { z } from 'zod'
import { environmentOf, readProjectFile, snapshot } from './code.ts'
import { buildDelivered } from './events.ts'
import type { DeliveryParts } from './parts.ts'
import { digestInput, task, textParam } from './task.ts'

/** The paper's CI/CD (C1), first half: what is pushed to main is built, tested and delivered. */

export const ciPipeline = 'ci'
const branch = 'main'

/** Starts the run of a push. The tests are one of its tasks, an ordinary command of the user's, so they are read first. */
export async function onPushed(
  parts: DeliveryParts,
  { project, actor, data }: Event<z.output<typeof sourcePushed.schema>>,
): Promise<void> {
  if (data.branch !== branch || project === undefined) return
  const commit = data.after
  const [{ subject }, found] = await Promise.all([
    parts.repositories.commitInfo(project, commit),
    peek(parts, project, commit),
  ])
  await parts.workflow.start({
    project,
    pipeline: ciPipeline,
    tasks: ciTasks(commit, found),
    params: { commit, subject },
    cause: { kind: 'push', reason: `${commit.slice(0, 12)} was pushed to ${branch}: ${subject}` },
    actor,
    key: `ci/${project}/${commit}`,
    ...(found.code === undefined ? {} : { code: found.code }),
    commit,
  })
}

interface Peek {
  readonly code?: Digest
  readonly tests?: string | undefined
  readonly environment?: RunTask['environment']
}

/** What the repository asks to be tested with. A repository with a fault asks nothing: its run meets the fault again, where people see it. */
async function peek(parts: DeliveryParts, project: string, commit: string): Promise<Peek> {
  try {
    const code = await snapshot(parts, project, commit)
    const { tests } = await readProjectFile(parts, project, code)
    return { code, tests, environment: await environmentOf(parts.blobs, code) }
  } catch (error) {
    if (error instanceof TrainyardError) return {}
    throw error
  }
}

function ciTasks(commit: string, { tests, environment }: Peek): Record<string, RunTask> {
  const test =
    tests === undefined ? {} : { test: task({ run: tests, after: ['build'], ...(environment ? { environment } : {}) }) }
  return {
    checkout: task({ uses: 'delivery.checkout', params: { commit }, outputs: ['code'] }),
    build: task({
      uses: 'delivery.build',
      inputs: { code: 'checkout.code' },
      params: { tests: tests ?? '' },
      outputs: ['file'],
    }),
    ...test,
    deliver: task({
      uses: 'delivery.deliver',
      inputs: { code: 'checkout.code', file: 'build.file' },
      params: { commit },
      after: Object.keys(test),
      outputs: ['revision'],
    }),
  }
}

export const ciHandlers = (parts: DeliveryParts): Record<string, PlatformTask> => ({
  'delivery.checkout': call => checkout(parts, call),
  'delivery.build': call => build(parts, call),
  'delivery.deliver': call => deliver(parts, call),
})

async function checkout(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const commit = textParam(call, 'commit')
  const digest = await snapshot(parts, call.run.project, commit)
  call.log(`Commit ${commit} is tree ${digest}.`)
  return { outputs: { code: { digest } } }
}

async function build(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const code = digestInput(call, 'code')
  const file = await readProjectFile(parts, call.run.project, code)
  if ((file.tests ?? '') !== textParam(call, 'tests'))
    throw new TrainyardError(
      'unavailable',
      'The tests could not be read when this run was started. Push again, or start the run again.',
    )
  const changes = await parts.projects.plan(file, code)
  call.log(
    changes.length === 0
      ? 'The project file changes nothing.'
      : `The project file is right. It changes ${changes.length} things:`,
  )
  for (const { action, path } of changes) call.log(`  ${action} ${path}`)
  const { digest, size } = await parts.blobs.put(JSON.stringify(file))
  return { outputs: { file: { digest, size, value: { changes: changes.length } } } }
}

async function deliver(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const { projects, blobs, store, outbox, clock } = parts
  const { project, actor, id: run } = call.run
  const commit = textParam(call, 'commit')
  const newer = await supersededBy(parts, project, commit)
  if (newer !== undefined) {
    call.log(`Commit ${newer} has been delivered meanwhile, and contains this one.`)
    return { outputs: { revision: { value: null } } }
  }
  const code = digestInput(call, 'code')
  const spec = JSON.parse((await blobs.bytes(digestInput(call, 'file'))).toString()) as unknown
  const { revision } = await projects.apply({ spec, code, commit, actor })
  crashPoint('delivery.applied')
  await store.deliver({ run, project, commit, code, revision: revision.id, at: clock.now() }, tx =>
    outbox.emit(tx, buildDelivered, { project, actor, data: { commit, revision: revision.id } }),
  )
  call.log(`Revision ${revision.number} of ${project} is delivered.`)
  return { outputs: { revision: { ref: revision.id, value: revision.number } } }
}

/** A later commit that was delivered first: an older build that ends late must not undo it. */
async function supersededBy(
  { projects, repositories }: DeliveryParts,
  project: string,
  commit: string,
): Promise<string | undefined> {
  const delivered = (await projects.find(project))?.commit
  if (delivered === undefined || delivered === commit) return undefined
  return (await repositories.contains(project, commit, delivered)) ? delivered : undefined
}
