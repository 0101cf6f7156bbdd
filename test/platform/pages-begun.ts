import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import type { World } from '../../src/demo/world.ts'
import { desk, readerOf } from './browser.ts'

/** A project without a project file is there, with an experiment that others have by the same name. */
export async function begun({ browser, url, world }: { browser: Browser; url: string; world: World }): Promise<void> {
  const { client } = world
  const experiment = { name: 'Default', createdAt: 1, updatedAt: 1, tags: [] }
  await client.send('PUT', '/api/v1/projects/vision/imports/experiments', experiment)
  // From then on what clients log under its name is the project's.
  await client.send('POST', '/api/2.0/mlflow/experiments/create', { name: 'vision/resnet' })
  const { page, faults, open } = await readerOf(browser, url, desk)
  await open('/experiments')
  const tree = page.getByRole('list', { name: 'Experiments by folder' })
  const both = await tree.getByRole('link', { name: 'Default' }).count()
  await open('/')
  await page.getByRole('link', { name: 'vision' }).click()
  await page.getByRole('heading', { level: 1, name: 'vision' }).waitFor()
  const own = page.getByRole('table', { name: 'Experiments' })
  for (const name of ['Default', 'vision/resnet']) await own.getByRole('link', { name }).waitFor()
  assert.deepEqual({ both, faults }, { both: 2, faults: [] })
}
