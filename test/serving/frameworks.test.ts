import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { createOnnx, loaderOf } from '#registry'
import { convertModel, folderFiles, type WorkerSettings } from '#serving'
import { fsBlobs, putTree, readTree, type Blobs } from '#storage'
import { enlarged } from '../../src/serving/enlarged.ts'
import { openPython } from '../../src/serving/server/python-runtime.ts'
import { pythonWith } from '../mlflow/environment.ts'

/**
 * Models of frameworks, fitted and saved by the frameworks themselves, answer in a worker what they answered there, and as
 * ONNX what they answer in a worker.
 */

interface Told {
  readonly columns: Readonly<Record<string, readonly (number | string)[]>>
  readonly models: Readonly<Record<string, { mlmodel: string; answers: number[] | number[][] }>>
}

interface Script {
  readonly python: string
  readonly script: string
  readonly isConverted: boolean
}

async function answersLikeItself(t: TestContext, { python, script, isConverted }: Script) {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-frameworks-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = join(import.meta.dirname, script)
  const { stdout } = await promisify(execFile)(python, ['-W', 'ignore', path, folder], { timeout: 120_000 })
  const { columns, models } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Told
  const blobs = fsBlobs(join(folder, 'blobs'))
  const onnx = createOnnx()
  t.after(() => onnx.stop())
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
        worker: { ...unlimited, python, readable: [folder] },
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
      // One for each framework, as each conversion starts two more workers.
      if (!isConverted || name === 'xgboost booster' || name === 'lightgbm') return

      const rows = names.map(name => [name, columns[name]!] as const)
      const converted = await convertModel(
        { blobs, onnx, interpreters: { use: async () => python }, workers: unlimited },
        {
          files: await filesOf(blobs, join(folder, name)),
          runtime: { kind: 'python', ...loader },
          inputs,
          outputs: [],
          rows: enlarged(
            inputs,
            [0, 1, 2].map(row => Object.fromEntries(rows.map(([input, values]) => [input, values[row]!]))),
            1_000,
          ),
          signal: t.signal,
          log: () => {},
        },
      )

      const { differing, maxDelta, onnxMs, pythonMs } = converted
      assert.equal(differing, 0, `${maxDelta}`)
      assert.ok(maxDelta < 1e-6 && onnxMs < pythonMs, JSON.stringify({ maxDelta, onnxMs, pythonMs }))
      t.diagnostic(`largest difference ${maxDelta}, ${onnxMs.toFixed(3)} ms against ${pythonMs.toFixed(3)} ms`)
    })
}

const unlimited: WorkerSettings = { isolation: 'none', hidden: [], memoryBytes: 0 }

/** A folder as the files of a model in a bundle. */
async function filesOf(blobs: Blobs, folder: string): Promise<Digest> {
  const tree = await readTree(blobs, await putTree(blobs, folder))
  return (await blobs.put(canonicalJson(folderFiles(tree)))).digest
}

suite('models of frameworks', { timeout: 900_000 }, () => {
  test('scikit-learn, XGBoost and LightGBM', async t => {
    await answersLikeItself(t, { python: await pythonWith('frameworks'), script: 'frameworks.py', isConverted: true })
  })

  // A gigabyte is not installed for a test: TRAINYARD_TEST_TORCH names a Python that has it.
  const torch = process.env['TRAINYARD_TEST_TORCH']
  test('PyTorch', { skip: torch === undefined && 'TRAINYARD_TEST_TORCH names no Python with torch' }, async t => {
    await answersLikeItself(t, { python: torch!, script: 'torch_models.py', isConverted: false })
  })
})
