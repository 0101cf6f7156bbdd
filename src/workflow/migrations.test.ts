import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { workflowMigrations } from './migrations.ts'
import { sqlWorkflowStore } from './store.sql.ts'

for (const engine of testEngines())
  test(`${engine.name}: what was due and what ran before there was a queue is due and runs afterwards`, async t => {
    const last = workflowMigrations.findIndex(({ name }) => name === 'workflow-014')
    const db = await engine.open(t, [...secretMigrations, ...workflowMigrations.slice(0, last)])
    const task = `run, name, kind, pool, needs_open, attempts_max, retries, outputs, metrics, id, state, next_at, attempt,
      demand, priority, queue_ms`
    for (const statement of [
      `insert into workflow_run (id, project, pipeline, params, cause, actor, state, tasks_open, tasks_failed, created_at)
       values ('run_1', 'rain', 'test', '{}', '{"kind":"manual","reason":"A test."}', 'ann', 'running', 3, 0, 1)`,
      `insert into workflow_task (${task}) values
         ('run_1', 'due', 'x', 'platform', 0, 1, 0, '{}', '{}', 'tsk_1', 'ready', 5, 0, '', 2, 50),
         ('run_1', 'waits', 'x', 'platform', 0, 1, 0, '{}', '{}', 'tsk_2', 'waiting', 7, 1, '', 0, 50),
         ('run_1', 'runs', 'run', 'executor', 0, 1, 0, '{}', '{}', 'tsk_3', 'running', null, 1, '{"/gpu":1}', 0, null)`,
      `insert into workflow_task_spec values ('tsk_1', '{"uses":"x","retries":0}', '[]', '{}'),
         ('tsk_2', '{"uses":"x","retries":0}', '[]', '{}'), ('tsk_3', '{"run":"x","retries":0}', '[]', '{}')`,
      `insert into workflow_attempt (id, task, run, number, state, owner, lease_until, handle, facts, demand, machine, claimed_at)
       values ('att_2', 'tsk_2', 'run_1', 1, 'waiting', 'me', null, null, '{}', '', 'here', 3),
         ('att_3', 'tsk_3', 'run_1', 1, 'running', 'me', 60, '{"pid":9}', '{}', '{"/gpu":1}', 'here', 4),
         ('att_1', 'tsk_3', 'run_1', 0, 'lost', 'me', null, null, '{}', '', 'here', 2)`,
      `insert into workflow_record values ('att_1', '{"command":"x"}', null), ('att_3', '{"command":"y"}', null)`,
    ])
      await sql.raw(statement).execute(db)

    await migrate(db, [...secretMigrations, ...workflowMigrations])

    const store = sqlWorkflowStore(db, testVault(db))
    const by = { owner: 'you', machine: 'here', devices: [], leaseUntil: 100 }
    const claim = (now: number) => store.transaction(tx => store.claim(tx, { ...by, pool: 'platform', limit: 9, now }))
    const live = await store.runningOf('me')
    const noted = (await store.attempts('tsk_3')).map(({ id, state, record }) => [id, state, record.command])
    const overdue = [await store.hasOverdue(54), await store.hasOverdue(55)]
    const { taken } = await store.room()
    const claims = (await claim(7)).map(({ attempt, name, isNew }) => [name, isNew ? 'new' : attempt])
    assert.deepEqual(
      { due: live, noted, overdue, taken, claims },
      {
        due: [{ id: 'att_3', task: 'tsk_3', owner: 'me', leaseUntil: 60, handle: { pid: 9 } }],
        noted: [
          ['att_1', 'lost', 'x'],
          ['att_3', 'running', 'y'],
        ],
        overdue: [false, true],
        taken: { '/gpu': 1 },
        claims: [
          ['due', 'new'],
          ['waits', 'att_2'],
        ],
      },
    )
  })
