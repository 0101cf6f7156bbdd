import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild, sharedEngines } from './crash-bed.ts'
import { testFolder } from './testing.ts'

interface Start {
  readonly folder: string
  readonly database: string
  readonly owner?: string
  readonly crashPoint?: string
  readonly webhook?: 'deliver' | 'none'
  /** What the clock shows; it stands still. Leases of ten seconds are over when it shows so much more. */
  readonly second?: number
}

const platform = ({ folder, database, owner = 'one', crashPoint, webhook = 'deliver', second = 210 }: Start) =>
  runChild(
    new URL('trigger-crash-child.ts', import.meta.url),
    [folder, database, owner, webhook, String(second)],
    crashPoint,
  )

const runs = [
  'data event 3',
  'event event 4',
  'hook delivery d1',
  ...['01', '02', '03'].map(minute => `time 1970-01-01T00:${minute}:00.000Z`),
]
/** Each point is passed once for the event, once for the instants, once for the datasets, and once for the delivery. */
const points = ['workflow.tick_due', 'workflow.tick_noted', 'workflow.run_inserted'].flatMap(point =>
  [1, 2, 3, 4].map(pass => `${point}:${pass}`),
)

for (const [name, open] of Object.entries(sharedEngines))
  test(`${name}: killed at any point of any trigger, one run is started for each tick`, async t => {
    const killed = async (crashPoint: string): Promise<readonly [string, unknown]> => {
      const folder = await testFolder(t)
      const database = await open(t, folder)
      const first = await platform({ folder, database, crashPoint })
      const second = await platform({ folder, database })
      return [crashPoint, [first.signal, second.complaint, second.answer && JSON.parse(second.answer)]]
    }
    const found: Record<string, unknown> = {}
    for (const pair of Array.from({ length: points.length / 2 }, (_, index) => points.slice(2 * index, 2 * index + 2)))
      Object.assign(found, Object.fromEntries(await Promise.all(pair.map(killed))))

    assert.deepEqual(found, Object.fromEntries(points.map(point => [point, ['SIGKILL', '', runs]])))
  })

if (sharedEngines['postgres'])
  test('of several replicas that look at the same triggers one starts each run', async t => {
    const folder = await testFolder(t)
    const database = await sharedEngines['postgres']!(t, folder)
    await platform({ folder, database, crashPoint: 'workflow.tick_due:1' })

    const owners = ['two', 'three', 'four']
    const answers = await Promise.all(
      owners.map(owner => platform({ folder, database, owner, webhook: 'none', second: 221 })),
    )
    const last = await platform({ folder, database, owner: 'five', second: 235 })

    assert.deepEqual([answers.map(({ complaint }) => complaint), JSON.parse(last.answer)], [['', '', ''], runs])
  })
