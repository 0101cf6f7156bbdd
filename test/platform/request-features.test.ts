import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { applyFolder } from '../../src/cli/commands/project.ts'
import { platform, taskOf } from '../../src/demo/platform.ts'
import { until } from '../../src/demo/world.ts'
import type { Digest } from '../../src/kernel/digest.ts'
import { fsBlobs } from '../../src/storage/blobs.ts'
import { modelServer, openStage } from '../testing.ts'

/** Will a flight be late? Real flights of 2001: of the airport something is known, of the flight only the request knows. */

const root = join(import.meta.dirname, '../..')
const flightsCount = 6_000

interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

const project = {
  name: 'flights',
  objective: {
    goal: 'Nobody waits at a gate.',
    kpi: 'Minutes waited',
    task: 'binary_classification',
    target: 'late by a quarter of an hour',
    metric: 'brier',
    threshold: 0.25,
    owners: {},
  },
  sources: { flights: { type: 'csv', columns: { date: 'timestamp', delay: 'integer', distance: 'integer' } } },
  entities: { airport: { key: 'origin' } },
  features: {
    airport: {
      entity: 'airport',
      source: 'flights',
      transform: 'transform.sql',
      engineer: 'engineer.sql',
      maxAge: '10d',
      retention: '9999d',
    },
  },
  requestFeatures: {
    flight: {
      entity: 'airport',
      columns: { distance: 'integer', destination: 'string', departs: 'timestamp' },
      features: ['airport:delay_mean', 'airport:flights'],
      compute: 'flight.sql',
    },
  },
  labels: { late: { source: 'flights', sql: 'late.sql' } },
  services: { late: { features: ['flight'] } },
  pipelines: {
    refresh: {
      triggers: [{ on: 'data', source: 'flights' }],
      tasks: {
        ingest: { uses: 'data.ingest', params: { source: 'flights' } },
        features: { uses: 'features.compute', inputs: { dataset: 'ingest.dataset' }, params: { view: 'airport' } },
        online: { uses: 'features.materialise', inputs: { features: 'features.features' } },
      },
    },
    training: {
      tasks: {
        ingest: { uses: 'data.ingest', params: { source: 'flights' } },
        features: { uses: 'features.compute', inputs: { dataset: 'ingest.dataset' }, params: { view: 'airport' } },
        rows: {
          uses: 'features.training-set',
          inputs: { features: 'features.features', dataset: 'ingest.dataset' },
          params: { service: 'late', label: 'late' },
        },
        split: { uses: 'features.split', inputs: { rows: 'rows.rows' }, params: { testShare: 0.3 } },
        train: {
          function: 'tasks/train.ts#train',
          inputs: { train: 'split.train' },
          outputs: ['model'],
          params: { c: 1 },
          environment: { node: 'package-lock.json' },
        },
        evaluate: {
          uses: 'registry.evaluate',
          inputs: { model: 'train.model', test: 'split.test' },
          params: { model: 'late' },
        },
        register: {
          uses: 'registry.register',
          inputs: { model: 'train.model', evaluation: 'evaluate.evaluation' },
          params: { model: 'late' },
        },
      },
    },
  },
  models: {
    late: {
      pipeline: 'training',
      service: 'late',
      label: 'late',
      gate: { metric: 'brier', threshold: 0.25 },
      promotion: 'automatic',
    },
  },
  deployments: { late: { model: 'late' } },
}

const files = {
  'transform.sql': 'select origin, date, delay from source where origin is not null',
  'engineer.sql': `select origin, date as event_time, avg(delay) over before as delay_mean, count(*) over before as flights
from transformed window before as (partition by origin order by date rows 20 preceding)
qualify row_number() over (partition by origin, date order by delay) = 1`,
  'late.sql': `select origin, date - interval 1 hour as event_time, delay > 15 as label, date as known_at, distance, destination, date as departs
from source qualify row_number() over (partition by origin, date order by delay, destination) = 1`,
  'flight.sql': `select
  ln(1 + distance)                                                          as distance_log,
  distance // 100 % 7                                                       as distance_odd,
  coalesce(delay_mean / nullif(sqrt(flights), 0), -999)                     as delay_scaled,
  hour(departs AT TIME ZONE 'America/Chicago')                              as hour,
  sin(2 * pi() * date_diff('minute', date_trunc('day', departs), departs) / 1440) as clock_sin,
  CASE WHEN dayofweek(departs) IN (0, 6) THEN 1 ELSE 0 END                  as weekend,
  length(destination || origin) + CASE WHEN destination < origin THEN 0.5 ELSE 0 END as pair,
  date_diff('hour', event_time, departs)                                    as ahead
from request`,
}

const computed = ['distance_log', 'distance_odd', 'delay_scaled', 'hour', 'clock_sin', 'weekend', 'pair', 'ahead']

test(
  'what a model was trained on is what it is asked with: thousands of real flights, by key and request',
  { timeout: 600_000 },
  async t => {
    const { data, world } = await openStage(t)
    const trainyard = platform({ ...world, project: 'flights' })
    const folder = world.checkout
    for (const path of ['tasks', 'package.json', 'package-lock.json', '.npmrc'])
      await cp(join(root, 'examples/rain', path), join(folder, path), { recursive: true })
    for (const [path, text] of Object.entries({ ...files, 'trainyard.yaml': JSON.stringify(project) })) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    await applyFolder(world.client, folder)
    const flights = (
      JSON.parse(await readFile(join(root, 'node_modules/vega-datasets/data/flights-20k.json'), 'utf8')) as Flight[]
    ).slice(0, flightsCount)
    const csv = flights.map(({ date, delay, distance, origin, destination }) =>
      [date.replaceAll('/', '-'), delay, distance, origin, destination].join(),
    )
    await trainyard.upload('flights', `date,delay,distance,origin,destination\n${csv.join('\n')}\n`)
    const refresh = await until('the features', async () => (await trainyard.runs('refresh'))[0], world)
    await trainyard.finished(refresh.id)
    const { tasks } = await trainyard.finished((await trainyard.start('training', { reason: 'The first.' })).id)
    const deploy = await until('the deployment', async () => (await trainyard.runs('deploy'))[0], world)
    await trainyard.finished(deploy.id)

    // The training set, and beside it what a caller would know of each of its rows.
    const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
    const digest = taskOf(tasks, 'rows').outputs['rows']!.digest!
    const set = await fsBlobs(join(data, 'blobs')).path(digest as Digest)
    const known = `select origin, date - interval 1 hour as event_time, distance, destination, date from read_csv('${join(folder, 'flights.csv')}', types = {date: 'TIMESTAMP'})
    qualify row_number() over (partition by origin, date order by delay, destination) = 1`
    await writeFile(join(folder, 'flights.csv'), `date,delay,distance,origin,destination\n${csv.join('\n')}\n`)
    const rows = (
      await duckdb.runAndReadAll(
        `select s.*, k.distance::int as distance, k.destination, strftime(k.date, '%Y-%m-%dT%H:%M:%S') as departs, epoch_ms(s.event_time)::double as at from read_parquet('${set}') s join (${known}) k using (origin, event_time) order by s.event_time, s.origin`,
      )
    ).getRowObjectsJson() as Record<string, number | string | null>[]
    const { host, port } = await modelServer(data)
    const ask = async (given: readonly object[]) => {
      const response = await fetch(`http://${host}:${port}/invocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-trainyard-deployment': 'late' },
        body: JSON.stringify({ dataframe_records: given }),
      })
      return (await response.json()) as { error?: string; prediction_ids: string[]; predictions: number[] }
    }
    const ids: string[] = []
    for (let from = 0; from < rows.length; from += 500) {
      const given = rows.slice(from, from + 500)
      const answer = await ask(
        given.map(({ origin, at, distance, destination, departs }) => ({
          origin,
          event_time: at,
          distance,
          destination,
          departs,
        })),
      )
      assert.equal(answer.error, undefined)
      ids.push(...answer.prediction_ids)
    }
    await until('all in the log', async () => trainyard.prediction(ids.at(-1)!).catch(() => false), world)

    const logged = (
      await duckdb.runAndReadAll(
        `select id, key, features, feature_times from read_parquet('${join(data, 'predictions/late')}/*.parquet')`,
      )
    ).getRowObjectsJson() as Record<string, string>[]
    const byId = new Map(logged.map(row => [row['id'], row]))
    const served = ids.map(id => JSON.parse(byId.get(id)!['features']!) as Record<string, number>)
    const differing = rows.flatMap((row, at) =>
      computed
        .filter(name => served[at]![name] !== Number(row[name]))
        .map(name => [row['origin'], row['departs'], name, row[name], served[at]![name]]),
    )
    assert.ok(rows.length > 5_000, `${rows.length} rows`)
    assert.deepEqual(differing, [])
    const scaled = rows.filter(row => row['delay_scaled'] === -999).length
    assert.ok(scaled > 50, `${scaled} flights from airports of which nothing was known`)
    assert.deepEqual(
      rows.filter((row, at) => (row['delay_scaled'] === -999) !== (byId.get(ids[at]!)!['feature_times'] === '{}')),
      [],
      'what was found has an instant',
    )
    const { signals } = await until('a window of the monitor', async () => (await trainyard.windows('late'))[0], world)
    assert.deepEqual(
      signals
        .filter(({ kind }) => kind === 'feature_drift')
        .map(({ name }) => name)
        .toSorted(),
      ['origin', ...computed].toSorted(),
      'what is computed is monitored, beside the key',
    )
    assert.deepEqual(
      (await ask([{ origin: 'ORD', destination: 'LAX', departs: 0 }])).error,
      'Missing input: distance (integer). It must be sent, or distance_log, distance_odd, which is computed of it.',
    )
  },
)
