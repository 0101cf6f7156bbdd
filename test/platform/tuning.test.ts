import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createClient, type Client } from '../../src/cli/client.ts'
import { applyFolder } from '../../src/cli/commands/project.ts'
import { startServer, type ServerProcess } from '../server.ts'
import type { Run, TaskRun } from '../../src/workflow/index.ts'

/** Searches that a project file declares, on a live platform. */

const projectFile = `
name: snow
objective: { goal: Tell, kpi: Sold, task: binary_classification, target: snow, metric: brier, threshold: 0.2, owners: {} }
pipelines:
  training:
    tasks:
      prepare: { run: 'echo 3 > "$TRAINYARD_OUTPUT_OFFSET"', outputs: [offset] }
      train:
        run: sh train.sh
        inputs: { offset: prepare.offset }
        outputs: { model: number }
        params: { scale: 2 }
        tune:
          space: { x: { type: int, low: 0, high: 5 }, kind: { type: categorical, choices: [good, bad] } }
          metric: loss
          direction: minimise
          trials: 12
          parallel: 2
          sampler: { type: grid }
      use:
        run: 'echo "$TRAINYARD_PARAM_X $(cat "$TRAINYARD_INPUT_MODEL")" > "$TRAINYARD_OUTPUT_SAID"'
        inputs: { model: train.model }
        params: { x: { from: train.best, at: x } }
        outputs: { said: string }
  slow:
    tasks:
      train:
        run: sleep 60
        tune: { space: { x: { type: float, low: 0, high: 1 } }, metric: loss, direction: minimise, trials: 9, parallel: 2 }
  pruned:
    tasks:
      train:
        run: sh steps.sh
        tune:
          space: { x: { type: int, low: 1, high: 6 } }
          metric: loss
          direction: minimise
          trials: 6
          sampler: { type: grid }
          pruner: { type: median, startup: 1 }
`

/** The loss is least at x = 3, and `bad` fails where it would be best. */
const train = `
offset=$(cat "$TRAINYARD_INPUT_OFFSET")
loss=$(( (TRAINYARD_PARAM_X - offset) * (TRAINYARD_PARAM_X - offset) * TRAINYARD_PARAM_SCALE ))
if [ "$TRAINYARD_PARAM_KIND" = bad ] && [ "$TRAINYARD_PARAM_X" = 3 ]; then echo broken; exit 4; fi
echo "$TRAINYARD_PARAM_X" > "$TRAINYARD_OUTPUT_MODEL"
echo "{\\"name\\": \\"loss\\", \\"value\\": $loss}" >> "$TRAINYARD_METRICS"
`

/** A trial that is not worth it goes on until it is stopped. */
const steps = `
for step in 1 2 3; do echo "{\\"name\\": \\"loss\\", \\"value\\": $TRAINYARD_PARAM_X, \\"step\\": $step}" >> "$TRAINYARD_METRICS"; done
if [ "$TRAINYARD_PARAM_X" -gt 3 ]; then sleep 30; fi
`

interface Detail {
  readonly run: Run
  readonly tasks: readonly TaskRun[]
}

interface Study {
  readonly name: string
  readonly state: string
  readonly criterion?: string
  readonly tracking: string
  readonly trials: Readonly<Record<string, number>>
  readonly best?: { readonly number: number; readonly value: number; readonly params: object }
}

interface Place {
  readonly data: string
  readonly server: ServerProcess
  readonly client: Client
}

const project = '/api/v1/projects/snow'

async function open(t: TestContext, data?: string): Promise<Place> {
  const folder = data ?? (await mkdtemp(join(tmpdir(), 'trainyard-tuning-')))
  const server = await startServer({ data: folder })
  const client = createClient({ server: server.url })
  t.after(async () => {
    await client.send('POST', '/api/v1/serving/stop').catch(() => {})
    await server.stop()
    if (data === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  if (data === undefined) {
    const checkout = await mkdtemp(join(tmpdir(), 'trainyard-tuning-code-'))
    t.after(() => rm(checkout, { recursive: true, force: true }))
    await writeFile(join(checkout, 'trainyard.yaml'), projectFile)
    await writeFile(join(checkout, 'train.sh'), train)
    await writeFile(join(checkout, 'steps.sh'), steps)
    await applyFolder(client, checkout)
  }
  return { data: folder, server, client }
}

const start = (client: Client, pipeline: string): Promise<Run> => client.send('POST', `${project}/runs`, { pipeline })

async function ended(client: Client, run: Run): Promise<Detail> {
  for (;;) {
    const detail = await client.get<Detail>(`/api/v1/runs/${run.id}`)
    if (!['queued', 'running'].includes(detail.run.state)) return detail
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

async function onlyStudy(client: Client): Promise<Study> {
  const { items } = await client.get<{ items: Study[] }>(`${project}/studies`)
  assert.equal(items.length, 1)
  return items[0]!
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 100))
}

test(
  'a task that is tuned gives the best parameters and the outputs of the best trial',
  { timeout: 400_000 },
  async t => {
    const { client } = await open(t)

    const { run, tasks } = await ended(client, await start(client, 'training'))

    const { outputs, metrics } = tasks.find(({ name }) => name === 'train')!
    const { trials, criterion, best } = await onlyStudy(client)
    assert.deepEqual(
      {
        state: run.state,
        best: outputs['best']?.value,
        model: outputs['model']?.value,
        said: tasks.find(({ name }) => name === 'use')!.outputs['said']?.value,
        metrics,
        trials,
        criterion,
        study: best?.params,
      },
      {
        state: 'succeeded',
        best: { x: 3, kind: 'good' },
        model: 3,
        said: '3 3',
        metrics: { loss: 0, trials: 12 },
        trials: { running: 0, complete: 11, pruned: 0, failed: 1 },
        criterion: 'trials',
        study: { x: 3, kind: 'good' },
      },
    )
  },
)

test('a trial that falls behind is stopped while it runs', { timeout: 400_000 }, async t => {
  const { client } = await open(t)

  const { run, tasks } = await ended(client, await start(client, 'pruned'))

  const { trials, name } = await onlyStudy(client)
  const { items } = await client.get<{ items: { state: string; params: { x: number } }[] }>(
    `${project}/studies/${name}/trials`,
  )
  const stopped = items.filter(({ state }) => state === 'pruned').map(({ params }) => params.x)
  assert.equal(run.state, 'succeeded')
  assert.deepEqual(tasks[0]!.outputs['best']?.value, { x: 1 })
  // The first trial is compared with none: it may be one of the slow ones, and ends by itself then.
  assert.ok(trials['pruned']! >= 2, JSON.stringify(trials))
  assert.ok(stopped.every(x => x > 1))
})

test('cancelling the run ends its trials, and the study says so', { timeout: 400_000 }, async t => {
  const { client } = await open(t)
  const run = await start(client, 'slow')
  const trialRuns = async (state: string): Promise<number> =>
    (await client.get<{ items: Run[] }>(`${project}/runs?pipeline=slow%2Ftrain&state=${state}`)).items.length
  await until(async () => (await trialRuns('running')) === 2)

  await client.send('POST', `/api/v1/runs/${run.id}/cancel`)

  await until(async () => (await trialRuns('cancelled')) === 2)
  const { state, criterion } = await onlyStudy(client)
  assert.deepEqual({ state, criterion }, { state: 'ended', criterion: 'cancelled' })
})

test('a search goes on after the server was killed', { timeout: 400_000 }, async t => {
  const first = await open(t)
  const run = await start(first.client, 'training')
  await until(async () => {
    const { items } = await first.client.get<{ items: Study[] }>(`${project}/studies`)
    return (items[0]?.trials['complete'] ?? 0) >= 2
  })

  process.kill(first.server.pid, 'SIGKILL')
  await first.server.ended
  const { client } = await open(t, first.data)

  const { run: after, tasks } = await ended(client, run)
  const { trials } = await onlyStudy(client)
  assert.deepEqual(
    { state: after.state, best: tasks.find(({ name }) => name === 'train')!.outputs['best']?.value, trials },
    {
      state: 'succeeded',
      best: { x: 3, kind: 'good' },
      trials: { running: 0, complete: 11, pruned: 0, failed: 1 },
    },
  )
})
