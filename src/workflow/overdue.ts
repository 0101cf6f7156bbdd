import type { LeaseDeps } from './leases.ts'
import { leaseMs } from './lease.ts'
import type { Demand } from './room.ts'
import { poolOf } from './run.ts'
import type { Seats } from './seats.ts'
import { waitFor } from './wait.ts'

const overdueMax = 100

/** Fails the tasks that have waited in the queue for longer than they may, with what they waited for. */
export async function failOverdue({
  store,
  turns,
  clock,
  owner,
  seats,
  machine,
}: Pick<LeaseDeps, 'store' | 'turns' | 'clock' | 'owner'> & {
  seats: Pick<Seats, 'of'>
  machine: string
}): Promise<void> {
  const now = clock.now()
  // They are told that they have waited too long, and get nothing.
  const request = { limit: overdueMax, owner, machine, devices: [], now, leaseUntil: now + leaseMs }
  if (!(await store.hasOverdue(now))) return
  const room = await store.room()
  const claims = await store.transaction(tx => store.claimOverdue(tx, request))
  for (const { run, task, attempt, call, spec } of claims) {
    const pool = poolOf(spec)
    const demand = spec.demand === undefined ? undefined : (JSON.parse(spec.demand) as Demand)
    const why = waitFor({ pool, demand, nextAt: now }, { machine, room, seats: seats.of(pool), now })
    const waited = why === undefined ? '' : `: ${why}`
    await turns.settle({
      run: run.id,
      task,
      attempt,
      call,
      owner,
      outcome: { state: 'failed', error: `It has waited for room for longer than ${spec.queueTimeout}${waited}.` },
      record: { exit: { cause: 'queue_timeout' } },
    })
  }
}
