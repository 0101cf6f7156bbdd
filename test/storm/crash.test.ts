import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { featurePipeline, refresh } from '../../src/demo/chapters/data.ts'
import { initiation, push } from '../../src/demo/chapters/initiation.ts'
import { month, type Replay } from '../../src/demo/chapters/operation.ts'
import { production } from '../../src/demo/chapters/production.ts'
import { platform } from '../../src/demo/platform.ts'
import { ask, eveningOf } from '../../src/demo/traffic.ts'
import { until, type World } from '../../src/demo/world.ts'
import { crashPointsInCode, faultsOf, openStage } from '../testing.ts'

/** Points at which the server kills itself, one at each start, in the order in which the story passes them. */
const points = [
  'source.initialised',
  'source.received',
  'workflow.run_inserted',
  'outbox.handled',
  'workflow.task_claimed',
  'blobs.written',
  'workflow.task_executed',
  'workflow.task_recorded',
  'compute.spawned',
  'compute.noted',
  'compute.begun',
  'delivery.applied',
  'data.stored',
  'data.judged',
  'features.stored',
  'features.written',
  'features.joined',
  'serving.deployed',
  'delivery.released',
  'serving.segment_written',
  'serving.segment_registered',
  'monitoring.cut',
  'monitoring.judged',
  'delivery.canary_decided',
  'serving.traffic_changed',
  'delivery.canary_ended',
]
/**
 * outage.test.ts kills the model server there, deliveries.test.ts a server that has sent,
 * src/tracking/artifact-sweep.test.ts a pass that frees bytes, src/workflow/trigger-crash.test.ts what fires a trigger,
 * src/workflow/overlap-crash.test.ts runs that wait for each other, src/workflow/backfill-crash.test.ts back-fills,
 * test/engines/platform.test.ts a task on a cluster, test/storm/database.test.ts who makes the tables.
 */
const elsewhere = [
  'storage.migrating',
  'serving.logged',
  'outbound.sent',
  'notifications.written',
  'blobs.freed',
  'blobs.trashed',
  'compute.submitted',
  'compute.log_written',
  'workflow.items_inserted',
  'workflow.backfill_moved',
  'workflow.run_held',
  'workflow.run_released',
  'workflow.tick_due',
  'workflow.tick_noted',
]

test('every crash point of the code is passed by a test', () => {
  assert.deepEqual([...points, ...elsewhere].toSorted(), crashPointsInCode())
})

test('the server is killed at every named point, and the story ends the same way', { timeout: 400_000 }, async t => {
  const armed = [...points]
  const starts: string[] = []
  const { world, data } = await openStage(t, () => {
    const point = armed.shift()
    starts.push(point ?? 'none')
    return point === undefined ? {} : { TRAINYARD_CRASHPOINT: point }
  })

  await initiation(world)
  await featurePipeline(world, seattle('2013-12-31'))
  await production(world, { evening: '2013-12-31', city: 'Seattle' })
  const replay: Replay = { world, pending: [], answers: [] }
  for (const name of ['2014-01', '2014-02', '2014-03']) await month(replay, { name, cities: ['Seattle'] })
  await challenge(world)

  const told = await ending(world)
  const logged = new Set(await Promise.all(replay.answers.map(async ({ prediction }) => idIn(world, prediction))))
  assert.deepEqual(
    {
      starts,
      faults: await faultsOf(data),
      lost: replay.answers.filter(answer => !logged.has(answer.prediction)),
      told,
    },
    { starts: [...points, 'none'], faults: [], lost: [], told: expected },
  )
})

const seattle = (evening: string) => ({ evening, cities: ['Seattle'] })

const idIn = async (world: World, prediction: string): Promise<string> =>
  (await platform(world).prediction(prediction)).id

/** A second version becomes a canary of half the requests, and four answers later takes all of them. */
async function challenge(world: World): Promise<void> {
  const trainyard = platform(world)
  const file = join(world.checkout, 'trainyard.ts')
  const declared = await readFile(file, 'utf8')
  const changed = declared
    .replace(/canary: \{.*?\}/, "canary: { weight: 50, dwell: '0s', requestsMin: 4 }")
    .replace('notWorseThanChampion: true', 'notWorseThanChampion: false')
  await writeFile(file, changed)
  await push(world, 'canary: half the requests, and four answers are enough')
  await refresh(world, seattle('2014-06-30'))
  const { id } = await trainyard.start('training', { reason: 'Half a year has passed.' })
  await trainyard.finished(id)
  const deploy = await until('the second deployment', async () => (await trainyard.runs('deploy')).at(-2), world)
  await until(
    'the canary',
    async () => (await trainyard.deployment('rain')).revisions.some(revision => revision.state === 'canary'),
    world,
  )
  for (let day = 1; day <= 24; day++)
    await ask(world, { deployment: 'rain', city: 'Seattle', at: eveningOf(`2014-04-${String(day).padStart(2, '0')}`) })
  await trainyard.finished(deploy.id)
}

/** What there is in the end, as the platform tells it. */
async function ending(world: World) {
  const trainyard = platform(world)
  const states = async (pipeline: string) => (await trainyard.runs(pipeline)).map(run => run.state)
  const { items: events } = await world.client.get<{ items: { type: string }[] }>('/api/v1/events?limit=500')
  const count = (type: string): number => events.filter(event => event.type === type).length
  return {
    versions: (await trainyard.versions('rain')).map(({ version, stage }) => `v${version} ${stage}`),
    datasets: (await trainyard.datasets('weather')).map(
      ({ version, rows, verdict }) => `v${version} ${rows} ${verdict}`,
    ),
    revisions: (await trainyard.deployment('rain')).revisions.map(({ number, state }) => `r${number} ${state}`),
    runs: { ci: await states('ci'), training: await states('training'), deploy: await states('deploy') },
    once: Object.fromEntries(onceEach.map(type => [type, count(type)])),
  }
}

/** Events of which a repeat would be seen by somebody. */
const onceEach = [
  'source.pushed',
  'project.applied',
  'delivery.delivered',
  'data.version_added',
  'data.contract_kept',
  'registry.version_registered',
  'serving.deployed',
  'delivery.rolled_out',
]

const expected = {
  versions: ['v2 production', 'v1 archived'],
  datasets: ['v5 912 kept', 'v4 821 kept', 'v3 790 kept', 'v2 762 kept', 'v1 731 kept'],
  revisions: ['r2 live', 'r1 retired'],
  runs: { ci: ['succeeded', 'succeeded'], training: ['succeeded', 'succeeded'], deploy: ['succeeded', 'succeeded'] },
  once: {
    'source.pushed': 2,
    'project.applied': 2,
    'delivery.delivered': 2,
    'data.version_added': 5,
    'data.contract_kept': 7,
    'registry.version_registered': 2,
    'serving.deployed': 2,
    'delivery.rolled_out': 2,
  },
}
