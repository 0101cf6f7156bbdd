import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Browser } from 'playwright-core'
import { featurePipeline } from '../../src/demo/chapters/data.ts'
import { initiation } from '../../src/demo/chapters/initiation.ts'
import { month, type Replay } from '../../src/demo/chapters/operation.ts'
import { production } from '../../src/demo/chapters/production.ts'
import { platform } from '../../src/demo/platform.ts'
import type { World } from '../../src/demo/world.ts'
import {
  desk,
  findBrowser,
  openBrowser,
  overflowOf,
  readerOf,
  telephone,
  wrongAt,
  type Look,
  type Reader,
} from './browser.ts'
import { begun } from './pages-begun.ts'
import { compare } from './pages-compare.ts'
import { notifications } from './pages-notifications.ts'
import { wideRun } from './pages-run.ts'
import { studies } from './pages-tuning.ts'
import { openStage } from '../testing.ts'

const stationNames = ['Data', 'Features', 'Runs', 'Models', 'Deployments', 'Monitors', 'Feedback']

test('the pages, read in a browser', { timeout: 400_000 }, async t => {
  const path = findBrowser()
  if (path === undefined)
    return t.skip(
      'NO PAGE WAS TESTED: there is no chromium, chromium-browser or google-chrome on the PATH; name one in TRAINYARD_TEST_CHROMIUM.',
    )
  const browser = await openBrowser(t, path)
  await Promise.all([
    t.test('of an empty platform', empty => emptyPlatform(empty, browser)),
    t.test('of a platform with one product in production', full => fullPlatform(full, browser)),
  ])
})

async function emptyPlatform(t: TestContext, browser: Browser): Promise<void> {
  const { server, world } = await openStage(t, () => ({ TRAINYARD_WEBHOOK_TARGETS: 'any' }))
  for (const look of [desk, telephone])
    await t.test(`home says what to do next, ${look.width} px wide and ${look.scheme}`, async () => {
      const { page, faults, open } = await readerOf(browser, server.url, look)
      await open('/')
      const told = {
        heading: await page.getByRole('heading', { level: 2 }).innerText(),
        commands: await page.getByRole('main').locator('code').allInnerTexts(),
        overflow: await overflowOf(page),
        faults,
      }
      assert.deepEqual(told, {
        heading: 'Nothing yet',
        commands: ['trainyard init my-product', 'cd my-product && trainyard apply', 'trainyard demo'],
        overflow: 0,
        faults: [],
      })
    })
  await t.test('pages of experiments and models say how the first one gets there', async () => {
    const reader = await readerOf(browser, server.url, telephone)
    const paths = ['/models', '/experiments/0', '/experiments/compare', '/experiments?view=deleted']
    assert.deepEqual(await wrongAt(reader, paths, telephone.scheme), [])
    assert.deepEqual(reader.faults, [])
  })
  await t.test('the page of experiments waits for the first run, and shows it when it arrives', async () => {
    const { page, faults, open } = await readerOf(browser, server.url, desk)
    await open('/experiments')
    await page.getByText(`export MLFLOW_TRACKING_URI=${server.url}`).waitFor()
    await logRun(world, { name: 'the first', experiment: '0' })
    await page.getByRole('heading', { name: 'Waiting for the first run' }).waitFor({ state: 'detached' })
    await page.getByText('1 run', { exact: true }).first().waitFor()
    assert.deepEqual(faults, [])
  })
  await t.test('a project that came by import', () => begun({ browser, url: server.url, world }))
  await t.test('a run of ten thousand tasks', wide => wideRun(wide, { browser, url: server.url, world }))
  await t.test('notifications', told => notifications(told, { browser, url: server.url, world }))
}

const mlflow = '/api/2.0/mlflow'

interface Logged {
  readonly name: string
  readonly experiment: string
  readonly parent?: string
  readonly losses?: readonly number[]
}

/** A run as a client of MLflow logs it. */
async function logRun({ client }: World, { name, experiment, parent, losses = [] }: Logged): Promise<string> {
  const { run } = await client.send<{ run: { info: { run_id: string } } }>('POST', `${mlflow}/runs/create`, {
    experiment_id: experiment,
    run_name: name,
    start_time: Date.now(),
    tags: parent === undefined ? [] : [{ key: 'mlflow.parentRunId', value: parent }],
  })
  const { run_id: id } = run.info
  await client.send('POST', `${mlflow}/runs/log-batch`, {
    run_id: id,
    metrics: losses.map((value, step) => ({ key: 'val/loss', value, step, timestamp: Date.now() })),
    params: [
      { key: 'seed', value: '17' },
      { key: 'name', value: name },
    ],
  })
  return id
}

async function fullPlatform(t: TestContext, browser: Browser): Promise<void> {
  const { server, world } = await openStage(t)
  const ids = await makeData(world)
  const reader = await readerOf(browser, server.url, desk)

  await t.test('home shows the seven stations in their order, and the project', () => home(reader))
  await t.test('each station of the loop leads to the page of its matter', () => stations(reader, world))
  await t.test('a run shows its tasks as a graph and what a task wrote', () => run(reader, ids.run))
  await t.test('a model version shows its gate and its lineage', () => version(reader, ids.version))
  await t.test('a deployment shows its traffic and its predictions', () => deployment(reader))
  await t.test('a monitor shows its signals by window', () => monitor(reader))
  await t.test('studies', tuned => studies(tuned, { browser, url: server.url, world }))
  await t.test('experiments are folders, and one of them a table of runs', () => experiments(reader, ids))
  await t.test('a filter that is wrong says so, and its clearing brings the runs back', () =>
    filter(browser, server.url, ids),
  )
  await t.test('a run of a client shows its metrics and its files', () => trackingRun(reader, ids))
  await t.test('a run that the platform tracked leads to its task', () => taskRun(reader, ids))
  await t.test('runs are compared: what differs first', () => compare(reader, ids))
  await t.test("addresses that MLflow's clients print lead to the same things", () => hashes(reader, ids))
  await t.test('a link that is followed opens in place', () => follow(reader))
  await t.test('nothing is left for the browser to complain about', () => assert.deepEqual(reader.faults, []))
  await Promise.all(
    [
      { look: telephone, paths: pathsOf(ids) },
      { look: { width: 390, scheme: 'light' }, paths: wide(ids) },
      { look: { width: 1440, scheme: 'dark' }, paths: wide(ids) },
    ].map(({ look, paths }) =>
      t.test(`${paths.length} pages, ${look.width} px wide and ${look.scheme}`, async () => {
        const other = await readerOf(browser, server.url, look as Look)
        assert.deepEqual(await wrongAt(other, paths, look.scheme), [])
        assert.deepEqual(other.faults, [])
      }),
    ),
  )
}

interface Ids {
  readonly experiment: string
  readonly parent: string
  readonly child: string
  /** The page of the run that the platform tracked for a task. */
  readonly ofTask: string
  readonly run: string
  readonly version: string
  readonly prediction: string
}

/** A pushed project, features, a model in production, and three months of predictions. */
async function makeData(world: World): Promise<Ids> {
  const trainyard = platform(world)
  await initiation(world)
  await featurePipeline(world, { evening: '2013-12-31', cities: ['Seattle'] })
  await production(world, { evening: '2013-12-31', city: 'Seattle' })
  const replay: Replay = { world, pending: [], answers: [] }
  for (const name of ['2014-01', '2014-02', '2014-03']) await month(replay, { name, cities: ['Seattle'] })
  return {
    ...(await logSweep(world)),
    run: (await trainyard.runs('training'))[0]!.id,
    version: (await trainyard.versions('rain'))[0]!.id,
    prediction: replay.answers.at(-1)!.prediction,
  }
}

/** An experiment of a client: a run, one nested in it with a file, and a registered model. */
async function logSweep(world: World): Promise<Pick<Ids, 'experiment' | 'parent' | 'child' | 'ofTask'>> {
  const { client } = world
  const { experiment_id: experiment } = await client.send<{ experiment_id: string }>(
    'POST',
    `${mlflow}/experiments/create`,
    { name: 'rain/seattle/sweep' },
  )
  const parent = await logRun(world, { name: 'sweep', experiment, losses: [0.9, 0.5, 0.4] })
  const child = await logRun(world, { name: 'trial', experiment, parent, losses: [0.8, 0.3] })
  await client.upload(
    `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${child}/artifacts/notes/page.html`,
    new Blob(['<script>document.title = "taken"</script>']),
  )
  await client.send('POST', `${mlflow}/registered-models/create`, { name: 'umbrella' })
  await client.send('POST', `${mlflow}/model-versions/create`, {
    name: 'umbrella',
    source: `mlflow-artifacts:/${experiment}/${child}/artifacts/notes`,
    run_id: child,
  })
  const { items } = await client.get<{ items: { id: string }[] }>(
    `/api/v1/experiments?filter=${encodeURIComponent("name = 'rain/training/train'")}`,
  )
  const runs = await client.get<{ items: { id: string }[] }>(`/api/v1/experiments/${items[0]!.id}/runs`)
  return { experiment, parent, child, ofTask: `/experiments/${items[0]!.id}/runs/${runs.items[0]!.id}` }
}

async function home({ page, open }: Reader): Promise<void> {
  await open('/')
  const loop = page.getByRole('list', { name: 'The loop of rain' })
  const names = await loop.getByRole('link').allInnerTexts()
  assert.deepEqual(
    names.map(text => text.split('\n')[0]),
    stationNames,
  )
  await page.getByRole('link', { name: 'rain', exact: true }).first().waitFor()
  await page.getByText('People in our cities leave home').waitFor()
  await page.getByRole('list', { name: 'Events, newest first' }).getByRole('listitem').first().waitFor()
}

async function stations({ page, open }: Reader, { client }: World): Promise<void> {
  const { items } = await client.get<{ items: { stations: { href: string }[] }[] }>('/api/v1/loop')
  const titles: string[] = []
  for (const { href } of items[0]!.stations) {
    await open(href)
    titles.push(await page.getByRole('heading', { level: 1 }).innerText())
  }
  const pipelines = 'Pipelines & runs'
  const data = 'Data & features'
  assert.deepEqual(titles, [data, data, pipelines, 'Models', 'Deployments', 'Monitors', 'Inbox'])
}

async function run({ page, open }: Reader, id: string): Promise<void> {
  await open(`/p/rain/runs/${id}?task=train`)
  const graph = page.getByRole('region', { name: 'Tasks of this run' })
  for (const task of ['ingest', 'validate', 'features', 'training-set', 'split', 'train', 'evaluate', 'register'])
    await graph.getByLabel(`Task ${task}, succeeded`).waitFor()
  await page.getByRole('log', { name: 'Log' }).getByText('converged').waitFor()
}

async function version({ page, open }: Reader, id: string): Promise<void> {
  await open(`/p/rain/versions/${id}`)
  const gate = page.getByRole('table', { name: 'Rules of the gate' })
  const rules = await gate.getByRole('row').allInnerTexts()
  assert.deepEqual(
    rules.slice(1).map(text => text.split(/[\t\n]/)[0]!.trim()),
    ['outputs', 'signature', 'threshold', 'not worse than the champion'],
  )
  const lineage = page.getByRole('region', { name: 'Lineage, oldest at the left' })
  for (const node of ['model version rain 1', /^training set /, /^run training/])
    await lineage.getByLabel(node).first().waitFor()
}

async function deployment({ page, open }: Reader): Promise<void> {
  await open('/p/rain/deployments/rain')
  await page.getByRole('heading', { name: 'Traffic', exact: true }).waitFor()
  const revisions = await page.getByRole('table', { name: 'Revisions, newest first' }).getByRole('row').allInnerTexts()
  assert.match(revisions[1]!, /1\s+live\s+v1\s+100 %\s+91/)
  const predictions = page.getByRole('table', { name: 'Predictions, last received first' })
  await predictions.getByText('Seattle').first().waitFor()
}

async function monitor({ page, open }: Reader): Promise<void> {
  await open('/p/rain/monitors/rain')
  const signals = page.getByRole('grid', { name: 'Signals by window' })
  for (const name of ['precipitation', 'temp_max']) await signals.getByRole('row', { name, exact: true }).waitFor()
}

async function experiments({ page, open }: Reader, { experiment, child }: Ids): Promise<void> {
  await open('/experiments')
  const tree = page.getByRole('list', { name: 'Experiments by folder' })
  assert.equal(await tree.getByRole('link', { name: 'sweep' }).getAttribute('href'), `/experiments/${experiment}`)
  await tree.getByRole('button', { name: 'Close rain', exact: true }).click()
  await tree.getByRole('link', { name: 'sweep' }).waitFor({ state: 'detached' })

  await open(`/experiments/${experiment}`)
  const rows = page.getByRole('table', { name: 'Runs' }).getByRole('row')
  assert.deepEqual(
    (await rows.allInnerTexts()).map(text => text.split(/\s+/).find(word => word !== '')),
    ['Compare', 'sweep', 'trial'],
  )
  await rows.nth(2).getByLabel('nested').waitFor()
  await page.getByRole('button', { name: 'val/loss' }).click()
  await page.waitForURL(/order=/)
  await page.getByRole('columnheader', { name: 'val/loss' }).getByRole('button').click()
  await page.waitForURL(/ASC/)
  await rows.nth(1).filter({ hasText: 'trial' }).waitFor()
  for (const name of ['sweep', 'trial']) await page.getByLabel(`Compare ${name}`).click()
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await page.waitForURL(new RegExp(`/experiments/compare\\?runs=.*${child}`))
}

/** With a reader of its own: the answer that refuses the filter is a fault to the browser. */
async function filter(browser: Browser, url: string, { experiment }: Ids): Promise<void> {
  const { page, open } = await readerOf(browser, url, desk)
  await open(`/experiments/${experiment}`)
  const box = page.getByLabel('Filter of runs')
  await box.fill('metrics.`val/loss` <')
  await box.press('Enter')
  await page.getByRole('alert').getByText('Invalid filter').waitFor()
  await box.fill('metrics.`val/loss` < 0.35')
  await box.press('Enter')
  await page.getByText('1 run', { exact: true }).waitFor()
  await box.fill('')
  await page.getByText('2 runs', { exact: true }).waitFor()
  assert.equal(new URL(page.url()).search, '')
}

async function trackingRun({ page, open }: Reader, { experiment, child }: Ids): Promise<void> {
  await open(`/experiments/${experiment}/runs/${child}`)
  await page.getByRole('figure', { name: 'val/loss by step' }).locator('canvas').waitFor()
  const latest = page.getByRole('table', { name: 'Latest value of each metric' }).getByRole('row')
  assert.match((await latest.allInnerTexts())[1]!, /val\/loss\s+0\.3\s+1/)
  await page.getByRole('button', { name: 'notes' }).click()
  await page.getByRole('button', { name: 'page.html' }).click()
  const text = page.getByLabel('Text of notes/page.html')
  assert.equal(await text.innerText(), '<script>document.title = "taken"</script>')
  assert.equal(await page.title(), 'trial · Trainyard')
}

async function taskRun({ page, open }: Reader, { ofTask }: Ids): Promise<void> {
  await open(ofTask)
  await page.getByText('Peak memory').waitFor()
  await page.getByRole('link', { name: 'train', exact: true }).click()
  await page.getByRole('region', { name: 'Tasks of this run' }).getByLabel('Task train, succeeded').waitFor()
}

async function hashes({ page, open }: Reader, { experiment, child }: Ids): Promise<void> {
  const seen: string[][] = []
  for (const hash of [
    `/experiments/${experiment}`,
    `/experiments/${experiment}/runs/${child}`,
    '/models/umbrella',
    '/models/umbrella/versions/1',
  ]) {
    // A new document each time, and once a change of the hash alone: both are followed.
    await open('/')
    if (seen.length === 1) await page.evaluate(`location.hash = '${hash}'`)
    else await open(`/#${hash}`)
    await page.waitForURL(address => address.hash === '' && !/^\/(models.*)?$/.test(address.pathname))
    await page.getByRole('heading', { level: 1 }).waitFor()
    seen.push([
      new URL(page.url()).pathname.replace(/mdv_.*/, 'mdv'),
      await page.getByRole('heading', { level: 1 }).innerText(),
    ])
  }
  assert.deepEqual(seen, [
    [`/experiments/${experiment}`, 'rain/seattle/sweep'],
    [`/experiments/${experiment}/runs/${child}`, 'trial'],
    ['/p/default/models/umbrella', 'umbrella'],
    ['/p/default/versions/mdv', 'umbrella v1'],
  ])
}

async function follow({ page, open }: Reader): Promise<void> {
  await open('/')
  await page.evaluate('globalThis.sameDocument = true')
  await page.getByRole('list', { name: 'The loop of rain' }).getByRole('link', { name: 'Models' }).click()
  await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
  assert.equal(await page.evaluate('globalThis.sameDocument'), true)
}

const pathsOf = ({
  run: runId,
  version: versionId,
  prediction,
  experiment,
  parent,
  child,
  ofTask,
}: Ids): readonly string[] => [
  '/',
  ofTask,
  '/experiments',
  `/experiments/${experiment}`,
  `/experiments/${experiment}/runs/${child}?path=notes/page.html`,
  `/experiments/compare?runs=${parent},${child}`,
  '/models',
  '/p/default/models/umbrella',
  ...['', '/code', '/data', '/data/weather', '/features/weather', '/pipelines', '/models', '/models/rain'].map(
    page => `/p/rain${page}`,
  ),
  ...['/deployments', '/deployments/rain', '/monitors', '/monitors/rain', '/inbox'].map(page => `/p/rain${page}`),
  `/p/rain/runs/${runId}`,
  `/p/rain/versions/${versionId}`,
  `/lineage/${prediction}`,
]

/** The pages with the most to draw. */
const wide = ({ version: versionId, experiment, parent, child }: Ids): readonly string[] => [
  '/',
  `/experiments/${experiment}`,
  `/experiments/${experiment}/runs/${child}`,
  `/experiments/compare?runs=${parent},${child}`,
  `/p/rain/versions/${versionId}`,
  '/p/rain/deployments/rain',
  '/p/rain/monitors/rain',
]
