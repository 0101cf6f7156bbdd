import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '#kernel/json.ts'
import { inside } from '#storage'
import { runChild } from './crash-bed.ts'
import { openModel } from './exploration-bed.ts'
import { explore, type Findings } from './exploration-search.ts'
import type { WorkflowStore } from './store.ts'
import type { WorkflowTables } from './tables.ts'

const child = new URL('exploration-child.ts', import.meta.url)

for (const [isHeld, what] of [
  ['held', 'that outlives its server'],
  ['own', 'of the platform itself'],
] as const)
  test(
    `two servers and a task ${what}: whatever two of all faults come in between, S2, S3, S5 and S7 hold and the run can end`,
    { concurrency: true },
    async t => {
      const { answer, complaint } = await runChild(child, [isHeld, '2'])
      const { worlds, steps, ended, ...found } = JSON.parse(answer || '{}') as Findings

      t.diagnostic(`${worlds} worlds, ${steps} steps, ${ended} worlds in which the run has ended`)
      assert.deepEqual([complaint, found, ended > 0], ['', {}, true])
    },
  )

/** Stores that lack a rule each, and what the search must then come upon. */
const broken: Readonly<Record<string, { finds: string; without(store: WorkflowStore): Partial<WorkflowStore> }>> = {
  'a result is written by the owner of its attempt': {
    finds: 'A result was taken from one that does not hold the attempt.',
    without: store => ({
      async finish(tx, requests) {
        const as = (owner: string) =>
          store.finish(
            tx,
            requests.map(request => ({ ...request, owner })),
          )
        const [one] = await as('one')
        return one ? [one] : as('two')
      },
    }),
  },
  'an attempt is begun by its owner': {
    finds: 'Of calls that go on without their server one runs at a time.',
    without: store => ({
      setHandle: async (attempt, _, handle) =>
        (await store.setHandle(attempt, 'one', handle)) || store.setHandle(attempt, 'two', handle),
    }),
  },
  'an attempt is taken over as it was seen': {
    finds: 'A lease that has not run out is not taken over.',
    without: store => ({
      async takeOver(tx, seen, to) {
        const lease = await inside<WorkflowTables>(tx)
          .selectFrom('workflow_lease')
          .select(['owner', 'lease_until as leaseUntil'])
          .where('attempt', '=', seen.id)
          .executeTakeFirst()
        return lease && store.takeOver(tx, { ...seen, ...lease }, to)
      },
    }),
  },
  'an attempt that was begun since is not taken over': {
    finds: 'Of calls that go on without their server one runs at a time.',
    without: store => ({
      async takeOver(tx, seen, to) {
        const lease = await inside<WorkflowTables>(tx)
          .selectFrom('workflow_lease')
          .select('handle')
          .where('attempt', '=', seen.id)
          .executeTakeFirst()
        const handle = lease && lease.handle !== null ? (JSON.parse(lease.handle) as Json) : undefined
        return store.takeOver(tx, { ...seen, handle }, to)
      },
    }),
  },
  'what is cancelled is taken out of the queue': {
    finds: 'After cancelling nothing begins.',
    without: () => ({
      async cancel(tx, run, { at }) {
        const own = inside<WorkflowTables>(tx)
        await own.updateTable('workflow_run').set({ cancel_requested_at: at }).where('id', '=', run).execute()
        return undefined
      },
    }),
  },
  'leases that have run out are found': {
    finds: 'one claims, and is not told.',
    without: () => ({ expired: async () => [] }),
  },
}

for (const [rule, { finds, without }] of Object.entries(broken))
  test(`the search comes upon a store that does not keep to it: ${rule}`, async () => {
    const model = await openModel({ isHeld: true, faults: 1, broken: store => ({ ...store, ...without(store) }) })

    const { counterexample, deadEnd } = await explore(model)

    assert.equal((counterexample ?? deadEnd)?.at(-1), finds)
  })
