import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor, type Queued } from './wait.ts'

const now = Date.parse('2026-01-01T00:00Z')
const room = { slots: { 'rain/gpu': 4 }, taken: { 'rain/gpu': 3 } }

/** What a task waits for where so many seats are free, of so many. */
const waits = (task: Partial<Queued>, [free, all]: readonly [number, number]): string | undefined =>
  waitFor(
    { pool: 'executor', demand: undefined, nextAt: now, ...task },
    { machine: 'here', room, seats: { all, free }, now },
  )

test('a task in the queue waits for its time, for room, or for a seat', () => {
  assert.deepEqual(
    [
      waits({}, [1, 2]),
      waits({ nextAt: now + 90_000, demand: { 'rain/gpu': 2 } }, [0, 2]),
      waits({ demand: { 'rain/gpu': 2 } }, [0, 2]),
      waits({ demand: { 'rain/gpu': 1 } }, [0, 2]),
      waits({ demand: { 'rain/gpu': 1 } }, [1, 2]),
      waits({ pool: 'remote' }, [0, 100]),
      waits({ pool: 'platform' }, [0, 4]),
      waits({ pool: 'queue/far', demand: { '@/gpu': 1 } }, [0, 0]),
    ],
    [
      undefined,
      'its next try, at 2026-01-01T00:01:30.000Z',
      '2 of pool gpu, of 4 1 are free',
      'a seat for tasks on this machine, of which this server has 2, all taken',
      'its turn at pool gpu',
      'a seat for tasks on other machines, of which this server has 100, all taken',
      'a seat for work of the platform, of which this server has 4, all taken',
      'a seat of queue far, of which this server has none',
    ],
  )
})
