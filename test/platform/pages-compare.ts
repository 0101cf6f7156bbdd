import assert from 'node:assert/strict'
import type { Reader } from './browser.ts'

/** Two runs side by side: what differs first, the rest when it is asked for, and metrics at a step. */
export async function compare(
  { page, open }: Reader,
  { parent, child }: { readonly parent: string; readonly child: string },
): Promise<void> {
  await open(`/experiments/compare?runs=${parent},${child}`)
  const params = page.getByRole('table', { name: 'Parameters' }).getByRole('row')
  assert.deepEqual((await params.allInnerTexts()).slice(1).map(words), [['name', 'sweep', 'trial']])
  await page.getByRole('button', { name: '1 parameter the same in all' }).click()
  assert.deepEqual((await params.allInnerTexts()).slice(2).map(words), [['seed', '17', '17']])
  await page.getByRole('figure', { name: 'val/loss by step' }).locator('canvas').waitFor()
  await page.getByLabel('At step').fill('-1')
  await page.getByRole('row', { name: /^val\/loss – –$/ }).waitFor()
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean)
