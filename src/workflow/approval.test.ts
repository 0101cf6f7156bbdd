import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { workflowRoutes } from './routes.ts'
import { openBed, task, until } from './testing.ts'
import type { RunTask } from './run.ts'

const ask = (more: Partial<RunTask['approval'] & object> = {}): RunTask => ({
  approval: { message: 'May it go on?', ...more },
  inputs: {},
  outputs: [],
  params: {},
  after: [],
  retries: 2,
})

async function openAsked(t: TestContext, tasks: Readonly<Record<string, RunTask>>) {
  const seen: unknown[] = []
  const bed = await openBed(t, {
    handlers: {
      x: async ({ params }) => {
        seen.push(params)
        return {}
      },
    },
  })
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  let role = 'editor'
  workflowRoutes(app, bed.workflow, () => role)
  const { id } = await bed.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks,
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await until(async () => (await bed.states(id))['ask'] === 'waiting')
  return {
    ...bed,
    id,
    seen,
    as: (other: string) => void (role = other),
    async say(verdict: string, reason = 'Because.', name = 'ask') {
      const url = `/api/v1/runs/${id}/tasks/${name}/decision`
      const reply = await app.inject({ method: 'POST', url, payload: { verdict, reason } })
      return { status: reply.statusCode, body: reply.json() }
    },
    settled: () => bed.workflow.settled(id, { timeoutMs: 60_000 }),
  }
}

const behind = task('x', { after: ['ask'], params: { by: { from: 'ask.decision', at: 'role' } } })

test('a run waits for approval, and goes on with the decision', async t => {
  const bed = await openAsked(t, { ask: ask(), behind })

  const [asked] = await bed.workflow.tasks(bed.id)
  const { status, body } = await bed.say('approve')
  const run = await bed.settled()
  const again = await bed.say('reject')
  const events = (await bed.outbox.after(0, 100)).filter(({ type }) => type === 'workflow.task_decided')

  assert.deepEqual(
    {
      asked: [asked?.kind, asked?.waitingFor, asked?.approval],
      answer: [status, body.state, body.outputs.decision.value.reason],
      run: [run.state, bed.seen],
      again: [again.status, again.body.state],
      events: events.map(({ data }) => data),
      known: (await bed.ledger.node(asked!.id))?.facts,
    },
    {
      asked: ['approval', 'May it go on?', { message: 'May it go on?', roles: ['editor', 'admin'] }],
      answer: [200, 'succeeded', 'Because.'],
      run: ['succeeded', [{ by: 'editor' }]],
      again: [409, 'succeeded'],
      events: [{ run: bed.id, task: asked!.id, name: 'ask', verdict: 'approve', role: 'editor', reason: 'Because.' }],
      known: {
        kind: 'approval',
        state: 'succeeded',
        attempt: 1,
        verdict: 'approve',
        by: 'anonymous',
        role: 'editor',
        reason: 'Because.',
      },
    },
  )
})

test('a rejection fails the run with its reason, once and for all', async t => {
  const bed = await openAsked(t, { ask: ask(), behind })

  await bed.say('reject', 'Too risky.')
  const run = await bed.settled()

  assert.deepEqual(
    [run.state, run.error, await bed.states(bed.id)],
    ['failed', 'Task ask: Rejected by anonymous: Too risky.', { ask: 'failed', behind: 'skipped' }],
  )
})

test('who has no say is refused, and what waits for nobody is not decided', async t => {
  const bed = await openAsked(t, { ask: ask({ roles: ['admin'] }), other: task('x') })
  const refused = await bed.say('approve')
  bed.as('admin')
  const other = await bed.say('approve', 'Because.', 'other')
  const nobody = await bed.say('approve', 'Because.', 'nobody')
  const wrong = await bed.say('maybe')
  const silent = await bed.say('approve', '')
  const right = await bed.say('approve')

  assert.deepEqual(
    [refused, other, nobody, wrong, silent, right].map(({ status }) => status),
    [403, 409, 404, 422, 422, 200],
  )
  assert.deepEqual([refused.body.role, refused.body.required], ['editor', 'admin'])
})

test('of two decisions at the same time one is the decision', async t => {
  const bed = await openAsked(t, { ask: ask() })

  const both = await Promise.all([bed.say('approve'), bed.say('reject')])

  assert.deepEqual(new Set(both.map(({ status }) => status)), new Set([200, 409]))
})

test('an approval that nobody gives in time has failed', async t => {
  const bed = await openBed(t, {})

  const run = await bed.run({ ask: ask({ timeout: '50ms' }) })

  assert.deepEqual([run.state, run.error], ['failed', 'Task ask: Nobody has decided within 50ms.'])
})

test('a cancelled run waits for nobody', async t => {
  const bed = await openAsked(t, { ask: ask() })

  const run = await bed.workflow.cancel(bed.id, 'ann')

  assert.deepEqual([run.state, (await bed.say('approve')).status], ['cancelled', 409])
})
