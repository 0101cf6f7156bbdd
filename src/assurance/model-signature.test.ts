import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { signaturePath, signatureProblems, signModel, type SignedFile } from './model-signature.ts'

const keys = (namedCurve = 'P-256'): { privateKey: KeyObject; publicKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve })
const file = (path: string, text = path): SignedFile => ({ path, digest: digestOf(text) })
const files = [file('model.onnx'), file('MLmodel'), file('data/x.json')]

for (const curve of ['P-256', 'P-384', 'P-521']) {
  test(`what a key on ${curve} signed is verified with its public half`, () => {
    const { privateKey, publicKey } = keys(curve)

    assert.deepEqual(signatureProblems(signModel('rain', files, privateKey), files, publicKey), [])
  })
}

test('a key on another curve is refused', () => {
  assert.throws(() => signModel('rain', files, keys('secp256k1').privateKey), { code: 'invalid' })
})

test('the order of the files and the signature among them make no difference', () => {
  const { privateKey, publicKey } = keys()
  const bundle = signModel('rain', files, privateKey)

  assert.deepEqual(signatureProblems(bundle, [file(signaturePath), ...files.toReversed()], publicKey), [])
})

test('files that were taken away, added or changed are named', () => {
  const { privateKey, publicKey } = keys()
  const bundle = signModel('rain', files, privateKey)
  const others = [file('model.onnx', 'another'), file('MLmodel'), file('more')]

  assert.deepEqual(signatureProblems(bundle, others, publicKey), [
    'data/x.json is missing.',
    'more is not signed.',
    'model.onnx was changed.',
  ])
})

const forged = (
  bundle: string,
  change: (envelope: { payload: string; signatures: { sig: string }[] }) => void,
): string => {
  const copy = JSON.parse(bundle)
  change(copy.dsseEnvelope)
  return JSON.stringify(copy)
}

test('a signature by another key, a payload that was edited and what is no bundle are refused', () => {
  const [own, other] = [keys(), keys()]
  const bundle = signModel('rain', files, own.privateKey)
  const edited = forged(bundle, envelope => {
    const payload = Buffer.from(envelope.payload, 'base64').toString().replace('model.onnx', 'model.0nnx')
    envelope.payload = Buffer.from(payload).toString('base64')
  })

  assert.deepEqual(
    [
      signatureProblems(bundle, files, other.publicKey),
      signatureProblems(edited, files, own.publicKey),
      signatureProblems('{}', files, own.publicKey),
      signatureProblems('nothing', files, own.publicKey),
    ],
    [
      ['It was made with another key.'],
      ['The signature is not that of its contents.'],
      ['It is no Sigstore bundle with a public key.'],
      ['It is no Sigstore bundle with a public key.'],
    ],
  )
})
