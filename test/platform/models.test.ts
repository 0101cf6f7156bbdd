import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signatureProblems } from '../../src/assurance/model-signature.ts'
import { createProgram } from '../../src/cli/program.ts'
import { digestOf } from '../../src/kernel/digest.ts'
import { goLive, openStage } from '../testing.ts'

/** `trainyard models …` about a version that a real pipeline has trained. */
test('a trained version is examined, judged, carried away whole and trained again to the same bytes', async t => {
  const { data, world } = await openStage(t)
  await goLive(world)

  const trainyard = async (...line: string[]): Promise<string[]> => {
    const out: string[] = []
    const program = createProgram({
      env: { TRAINYARD_SERVER: world.client.server },
      folder: data,
      signal: t.signal,
      stdout: text => out.push(text),
      stderr: () => {},
    })
    await program.parseAsync(['models', ...line], { from: 'user' })
    return out
  }

  assert.equal((await trainyard('scan', 'rain', '1'))[0], 'rain.rain 1: clean')
  assert.deepEqual(await trainyard('diff', 'rain', '1', '1'), ['They do not differ.'])
  assert.equal((await trainyard('compare', 'rain', '1'))[4], 'gate       passed')
  await assert.rejects(trainyard('card', 'rain', '7'), {
    code: 'not_found',
    message: 'rain has no version 7. There is: 1.',
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
