import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { signatureProblems, signModel } from '../../src/assurance/model-signature.ts'
import { digestOf } from '../../src/kernel/digest.ts'
import { pythonWith } from '../mlflow/environment.ts'

/** The signatures of models, held against the public tool of the OpenSSF in both directions. */
test('what is signed here is verified by model_signing, and the other way round', { timeout: 400_000 }, async t => {
  const python = await pythonWith('model-signing')
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-signing-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const model = join(folder, 'model')
  const texts = {
    MLmodel: 'flavors: {}',
    'model.onnx': 'weights',
    'data/model.pkl': 'pickle',
    'data-x': 'sorts between',
  }
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(model, path)), { recursive: true })
    await writeFile(join(model, path), text)
  }
  const files = Object.entries(texts).map(([path, text]) => ({ path, digest: digestOf(text) }))
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [key, half, ours, theirs] = ['key.pem', 'pub.pem', 'ours.sig', 'theirs.sig'].map(name =>
    join(folder, name),
  ) as [string, string, string, string]
  await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await writeFile(half, publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(ours, signModel('rain 3', files, privateKey))
  const tool = (...args: string[]) => promisify(execFile)(python, ['-m', 'model_signing', ...args])
  const verify = () => tool('verify', 'key', model, '--signature', ours, '--public_key', half)

  await verify()
  await tool('sign', 'key', model, '--private_key', key, '--signature', theirs)
  assert.deepEqual(signatureProblems(await readFile(theirs, 'utf8'), files, publicKey), [])

  await writeFile(join(model, 'model.onnx'), 'other weights')
  await assert.rejects(verify(), /Verification failed/)
})
