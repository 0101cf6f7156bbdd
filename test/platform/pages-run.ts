import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { World } from '../../src/demo/world.ts'
import { desk, overflowOf, readerOf, telephone, wrongAt, type Reader } from './browser.ts'

const taskCount = 10_000
/** What a browser lays out at once without being felt; a row of the grid or a bar has about twenty. */
const elementsMax = 3_000

/** A run of a tree of tasks, whose root waits for somebody. */
async function startTree({ client }: World): Promise<string> {
  const tasks = Array.from({ length: taskCount }, (_, index) => [
    `t${index}`,
    index === 0 ? { approval: { message: 'Go on?' } } : { run: 'true', after: [`t${Math.floor((index - 1) / 2)}`] },
  ])
  const objective = { goal: 'Tell', kpi: 'Told', task: 'regression', target: 'y', metric: 'mae', threshold: 1 }
  const pipelines = { tree: { tasks: Object.fromEntries(tasks) } }
  await client.send('PUT', '/api/v1/projects/wide', {
    spec: { name: 'wide', objective: { ...objective, owners: {} }, pipelines },
  })
  return (await client.send<{ id: string }>('POST', '/api/v1/projects/wide/runs', { pipeline: 'tree' })).id
}

interface View {
  readonly open: (reader: Reader) => Promise<void>
  /** Waits until it can be used. */
  readonly shows: (page: Page) => Promise<void>
}

const viewsOf = (run: string): Readonly<Record<string, View>> => ({
  'the graph and the bars of the run': {
    open: ({ open }) => open(`/p/wide/runs/${run}`),
    async shows(page) {
      await page.getByRole('region', { name: 'Tasks of this run' }).getByLabel('Task t0, waiting').waitFor()
      await page.getByRole('button', { name: 't1 ' }).first().waitFor()
    },
  },
  'the grid of the last runs': {
    async open({ open, page }) {
      await open('/p/wide/pipelines')
      await page.getByRole('button', { name: 'Last runs' }).click()
    },
    shows: page => page.getByRole('rowheader', { name: 't0', exact: true }).waitFor(),
  },
  'the graph of the pipeline, which leads from task to task': {
    async open({ open, page }) {
      await open('/p/wide/pipelines')
      await page.getByRole('button', { name: /Graph of/ }).click()
    },
    async shows(page) {
      const graph = page.getByRole('region', { name: 'Tasks of tree' })
      await graph.getByLabel('Task t2, run').click()
      await graph.getByLabel('Task t5, run').waitFor()
    },
  },
})

/** What is drawn of a run of 10,000 tasks, and how long that takes. */
export async function wideRun(
  t: TestContext,
  { browser, url, world }: { browser: Browser; url: string; world: World },
): Promise<void> {
  const run = await startTree(world)
  const reader = await readerOf(browser, url, desk)
  const { page } = reader
  for (const [what, { open, shows }] of Object.entries(viewsOf(run)))
    await t.test(what, async view => {
      const began = performance.now()
      await open(reader)
      await shows(page)
      const ms = Math.round(performance.now() - began)
      const elements = await page.evaluate<number>('document.querySelectorAll("*").length')
      view.diagnostic(`${ms} ms, ${elements} elements`)
      assert.deepEqual([elements <= elementsMax, await overflowOf(page), reader.faults], [true, 0, []])
    })
  await t.test('on a telephone', async () => {
    const other = await readerOf(browser, url, telephone)
    assert.deepEqual(await wrongAt(other, [`/p/wide/runs/${run}`, '/p/wide/pipelines'], 'dark'), [])
    assert.deepEqual(other.faults, [])
  })
}
