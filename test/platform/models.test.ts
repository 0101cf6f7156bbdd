import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signatureProblems } from '../../src/assurance/model-signature.ts'
import { createProgram } from '../../src/cli/program.ts'
import { digestOf } from '../../src/kernel/digest.ts'
import { goLive, openStage, type Stage } from '../testing.ts'

test('versions that clients register are compared by what their runs have on record, without naming a project', async t => {
  const { data, world } = await openStage(t)
  const { client } = world
  const send = <Answer>(path: string, body: object): Promise<Answer> =>
    client.send('POST', `/api/2.0/mlflow${path}`, body)
  await send('/registered-models/create', { name: 'churn' })
  const dataset = { name: 'people', source_type: 'code', source: '{}' }
  for (const [index, [depth, auc]] of [
    ['3', 0.75],
    ['4', 0.8125],
  ].entries()) {
    const { run } = await send<{ run: { info: { run_id: string } } }>('/runs/create', { experiment_id: '0' })
    const id = run.info.run_id
    const metrics = [{ key: 'auc', value: auc, timestamp: 1, step: 0 }]
    const params = [
      { key: 'depth', value: depth },
      { key: 'trees', value: '9' },
    ]
    await send('/runs/log-batch', { run_id: id, metrics, params })
    await send('/runs/log-inputs', { run_id: id, datasets: [{ dataset: { ...dataset, digest: `d${index}` } }] })
    await send('/model-versions/create', { name: 'churn', source: 's3://models/churn', run_id: id })
  }

  const trainyard = commands({ data, world, signal: t.signal })
  const cells = async (...line: string[]) => (await trainyard(...line)).map(row => row.split(/ {2,}/))

  assert.deepEqual((await cells('compare', 'churn', '1', '2')).slice(-4), [
    ['run: auc', '0.75', '0.8125'],
    ['param: depth', '3', '4'],
    ['param: trees', '9', '9'],
    ['data: people', 'd0', 'd1'],
  ])
  assert.deepEqual(await cells('diff', 'churn', '1', '2'), [
    ['field', 'version 1', 'version 2'],
    ['params.depth', '3', '4'],
    ['metrics.auc', '0.75', '0.8125'],
    ['data.people', 'd0', 'd1'],
  ])
  await assert.rejects(trainyard('compare', 'chrun', '1'), {
    code: 'not_found',
    message: 'There is no model chrun that has a version.',
  })
})

/** `trainyard models …`, answering the lines that it prints. */
function commands({ data, world, signal }: Pick<Stage, 'data' | 'world'> & { signal: AbortSignal }) {
  return async (...line: string[]): Promise<string[]> => {
    const out: string[] = []
    const program = createProgram({
      env: { TRAINYARD_SERVER: world.client.server },
      folder: data,
      signal,
      stdout: text => out.push(text),
      stderr: () => {},
    })
    await program.parseAsync(['models', ...line], { from: 'user' })
    return out
  }
}

/** `trainyard models …` about a version that a real pipeline has trained. */
test('a trained version is examined, judged, carried away whole and trained again to the same bytes', async t => {
  const { data, world } = await openStage(t)
  await goLive(world)

  const trainyard = commands({ data, world, signal: t.signal })

  assert.equal((await trainyard('scan', 'rain', '1'))[0], 'rain.rain 1: clean')
  assert.deepEqual(await trainyard('diff', 'rain', '1', '1'), ['They do not differ.'])
  assert.deepEqual((await trainyard('compare', 'rain', '1'))[4]!.split(/ +/), ['gate', 'passed'])
  await assert.rejects(trainyard('card', 'rain', '7'), {
    code: 'not_found',
    message: 'rain has no version 7. There is: 1 (production).',
  })
  assert.deepEqual(await trainyard('approve', 'rain', '1', '--reason', 'looked at | its *card*'), [
    'Nothing is missing for production.',
  ])
  assert.match((await trainyard('card', 'rain', '1')).join('\n'), /says approve: looked at \| its \\\*card\\\*/)
  assert.match((await trainyard('reproduce', 'rain', '1'))[0]!, /^rain\.rain 1 is reproduced\./)

  await trainyard('export', 'rain', '1', '--to', 'out')
  const model = join(data, 'out/model')
  const files = await Promise.all(
    (await readdir(model, { recursive: true })).map(async path => ({
      path,
      digest: digestOf(await readFile(join(model, path))),
    })),
  )
  const [bundle, key] = await Promise.all(
    ['model.sig', 'public-key.pem'].map(name => readFile(join(data, 'out', name), 'utf8')),
  )
  assert.deepEqual(
    [files.map(({ path }) => path).toSorted(), signatureProblems(bundle!, files, createPublicKey(key!))],
    [['MLmodel', 'conda.yaml', 'model.onnx', 'python_env.yaml', 'requirements.txt'], []],
  )
})
