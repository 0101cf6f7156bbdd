import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Browser } from 'playwright-core'
import type { World } from '../../src/demo/world.ts'
import { desk, overflowOf, readerOf, telephone, type Look, type Reader } from './browser.ts'

/** A search with eleven trials that have ended: the loss is the distance of `rate` from 0.3, and `depth` means nothing. */
async function searchRates({ client }: World): Promise<void> {
  const studies = '/api/v1/projects/rain/studies'
  const float = { type: 'float', low: 0, high: 1 }
  const space = { rate: { ...float, step: 0.1 }, depth: { type: 'categorical', choices: ['deep'] } }
  const sampler = { type: 'grid' }
  await client.send('POST', studies, {
    name: 'search',
    space,
    metric: 'loss',
    direction: 'minimise',
    trials: 11,
    sampler,
  })
  const asked = { count: 11 }
  const { trials } = await client.send<{ trials: { number: number; params: { rate: number } }[] }>(
    'POST',
    `${studies}/search/trials`,
    asked,
  )
  for (const { number, params } of trials) {
    const value = Math.abs(params.rate - 0.3)
    await client.send('POST', `${studies}/search/trials/${number}/report`, { step: 1, value: value + 1 })
    await client.send('POST', `${studies}/search/trials/${number}`, { value })
  }
}

/** The page of that search. */
async function study({ page, open }: Reader): Promise<void> {
  await open('/p/rain/tuning')
  await page.getByRole('link', { name: 'search' }).click()
  const rows = page.getByRole('table', { name: 'Trials' }).getByRole('row')
  await page.getByRole('list', { name: 'Importance of each parameter' }).getByText('rate').waitFor()
  const seen = {
    best: await page.getByText(/^0 by trial \d+$/).count(),
    rows: await rows.count(),
    points: await page.locator('.study-point').count(),
    lines: await page.locator('.parallel-line').count(),
  }
  assert.deepEqual(seen, { best: 1, rows: 12, points: 11, lines: 11 })

  const axis = (await page.locator('.parallel-grip').first().boundingBox())!
  await page.mouse.move(axis.x + 16, axis.y + axis.height - 2)
  await page.mouse.down()
  await page.mouse.move(axis.x + 16, axis.y + axis.height * 0.75, { steps: 4 })
  await page.mouse.up()
  await page.getByText('3 of 11 trials', { exact: true }).waitFor()
  assert.equal(await rows.count(), 4)
  assert.match(page.url(), /brush=rate/)
}

const looks: readonly Look[] = [desk, telephone, { width: 390, scheme: 'light' }, { width: 1440, scheme: 'dark' }]
const paths = ['/p/rain/tuning', '/p/rain/tuning/search']

/** The pages of searches: what they show, and how they look when there is none and when there is one. */
export async function studies(
  t: TestContext,
  { browser, url, world }: { browser: Browser; url: string; world: World },
): Promise<void> {
  const reader = await readerOf(browser, url, desk)
  await t.test('without any, the page says how the first one begins', async () => {
    await reader.open('/p/rain/tuning')
    await reader.page.getByRole('heading', { name: 'No study yet' }).waitFor()
  })
  await searchRates(world)
  await t.test('a study shows what was best and what decides, and a part of an axis chooses trials', () =>
    study(reader),
  )
  for (const look of looks)
    await t.test(`are as wide as a window of ${look.width} px, ${look.scheme}`, async () => {
      const { page, open, faults } = await readerOf(browser, url, look)
      for (const path of paths) {
        await open(path)
        assert.deepEqual([path, await overflowOf(page), faults], [path, 0, []])
      }
    })
}
