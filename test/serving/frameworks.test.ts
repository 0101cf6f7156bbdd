import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { loaderOf } from '#registry'
import { openPython } from '../../src/serving/server/python-runtime.ts'
import { pythonWith } from '../mlflow/environment.ts'

/** Models of frameworks, fitted and saved by the frameworks themselves, answer in a worker what they answered there. */

interface Told {
  readonly columns: Readonly<Record<string, readonly (number | string)[]>>
  readonly models: Readonly<Record<string, { mlmodel: string; answers: number[] | number[][] }>>
}

async function answersLikeItself(t: TestContext, { python, script }: { python: string; script: string }) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-frameworks-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = join(import.meta.dirname, script)
  const { stdout } = await promisify(execFile)(python, ['-W', 'ignore', path, folder], { timeout: 120_000 })
  const { columns, models } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Told
  for (const [name, { mlmodel, answers }] of Object.entries(models))
    await t.test(name, async t => {
      const names = Object.keys(columns).filter(column => column !== 'city' || name.endsWith('texts'))
      const inputs = names.map(column => {
        const datatype = typeof columns[column]![0] === 'string' ? 'BYTES' : 'FP64'
        return { name: column, datatype, shape: [-1, 1] }
      })
      const loader = loaderOf(mlmodel)
      assert.ok(loader && loader.loader !== 'mlflow', mlmodel)
      const runtime = await openPython({
        worker: { python, isolation: 'none', hidden: [], readable: [folder], memoryBytes: 0 },
        model: { ...loader, folder: join(folder, name), signature: { inputs, outputs: [] } },
        warn: () => {},
      })
      t.after(() => runtime.release())

      const [outputs] = await runtime.run([{ rows: 3, columns: names.map(column => columns[column]!) }])

      assert.deepEqual(
        outputs!.map(output => [output.name, output.width]),
        [['output', answers.flat().length / 3]],
      )
      for (const [at, value] of answers.flat().entries())
        assert.ok(Math.abs((outputs![0]!.values[at] as number) - value) < 1e-6, `${String(outputs![0]!.values)}`)
    })
}

suite('models of frameworks', { timeout: 400_000 }, () => {
  test('scikit-learn, XGBoost and LightGBM', async t => {
    await answersLikeItself(t, { python: await pythonWith('frameworks'), script: 'frameworks.py' })
  })

  // A gigabyte is not installed for a test: TRAINYARD_TEST_TORCH names a Python that has it.
  const torch = process.env['TRAINYARD_TEST_TORCH']
  test('PyTorch', { skip: torch === undefined && 'TRAINYARD_TEST_TORCH names no Python with torch' }, async t => {
    await answersLikeItself(t, { python: torch!, script: 'torch_models.py' })
  })
})
