import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChild, sharedEngines } from './crash-bed.ts'
import { testFolder } from './testing.ts'

const points = ['workflow.run_held:1', 'workflow.run_held:2', 'workflow.run_released:1', 'workflow.run_released:2']
const platform = (folder: string, database: string, owner: string, crashPoint?: string) =>
  runChild(new URL('overlap-crash-child.ts', import.meta.url), [folder, database, owner], crashPoint)

/** Which runs' tasks were called, in order; a call that was cut off and done again counts once. */
async function called(folder: string): Promise<readonly string[]> {
  const lines = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n')
  return lines.filter((line, index) => lines[index - 1] !== line)
}

for (const [name, open] of Object.entries(sharedEngines))
  test(`${name}: killed where a run is held or let in, the runs go on one after the other`, async t => {
    const killed = async (point: string) => {
      const folder = await testFolder(t)
      const database = await open(t, folder)
      const first = await platform(folder, database, 'one', point)
      const second = await platform(folder, database, 'one')
      const { runs, states } = JSON.parse(second.answer || '{"runs":[]}')
      return {
        point,
        signal: first.signal,
        states,
        complaint: second.complaint,
        calls: (await called(folder)).map(run => runs.indexOf(run)),
      }
    }
    const found = [
      ...(await Promise.all(points.slice(0, 2).map(killed))),
      ...(await Promise.all(points.slice(2).map(killed))),
    ]

    assert.deepEqual(
      found,
      points.map(point => ({
        point,
        signal: 'SIGKILL',
        states: ['succeeded', 'succeeded', 'succeeded'],
        complaint: '',
        calls: [0, 1, 2],
      })),
    )
  })

if (sharedEngines['postgres'])
  test('two replicas let the runs of a pipeline begin one after the other', async t => {
    const folder = await testFolder(t)
    const database = await sharedEngines['postgres']!(t, folder)
    await platform(folder, database, 'none', 'workflow.run_held:1')

    const [one, two] = await Promise.all([platform(folder, database, 'one'), platform(folder, database, 'two')])

    const { runs, states } = JSON.parse(one.answer)
    assert.deepEqual(
      [one.complaint, two.complaint, two.answer, states, (await called(folder)).map(run => runs.indexOf(run))],
      ['', '', one.answer, ['succeeded', 'succeeded', 'succeeded'], [0, 1, 2]],
    )
  })
