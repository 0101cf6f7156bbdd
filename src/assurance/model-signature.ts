import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'

/**
 * Signatures of whole models [OpenSSF Model Signing 1.0]: an in-toto statement over the digest of each file, in a DSSE
 * envelope, in a Sigstore bundle, signed with an elliptic-curve key. Others verify it with
 * `model_signing verify key <folder> --signature model.sig --public_key <file>`.
 */

/** A file of the model by its path, with its SHA-256. */
export interface SignedFile {
  readonly path: string
  readonly digest: Digest
}

const payloadType = 'application/vnd.in-toto+json'
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const predicateType = 'https://model_signing/signature/v1.0'
const statementType = 'https://in-toto.io/Statement/v1'

/** Where the signature lies in the model's folder; it cannot sign itself. */
export const signaturePath = 'model.sig'

const hashOfCurve: Readonly<Record<string, string>> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' }

/** Signs the files of a model. Throws `invalid` when the key is not on P-256, P-384 or P-521. */
export function signModel(name: string, files: readonly SignedFile[], privateKey: KeyObject): string {
  const payload = Buffer.from(JSON.stringify(statementOf(name, files)))
  const signature = sign(hashFor(privateKey), preAuthentication(payload), privateKey)
  return JSON.stringify({
    mediaType: bundleType,
    verificationMaterial: { publicKey: { hint: keyHint(createPublicKey(privateKey)) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ sig: signature.toString('base64'), keyid: '' }],
    },
  })
}

const BundleWire = z.object({
  mediaType: z.literal(bundleType),
  verificationMaterial: z.object({ publicKey: z.object({ hint: z.string().nullish() }) }),
  dsseEnvelope: z.object({
    payload: z.base64(),
    payloadType: z.literal(payloadType),
    signatures: z.array(z.object({ sig: z.base64() })).length(1),
  }),
})

const StatementWire = z.object({
  _type: z.literal(statementType),
  predicateType: z.literal(predicateType),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })).length(1),
  predicate: z.object({
    serialization: z.object({ method: z.literal('files'), hash_type: z.literal('sha256') }),
    resources: z.array(z.object({ name: z.string(), algorithm: z.literal('sha256'), digest: z.string() })),
  }),
})

/**
 * Says what is wrong with a signature of these files: nothing, if the list is empty. A bundle that is none, a key that
 * did not sign it, files that were added, taken away or changed since.
 */
export function signatureProblems(
  bundle: string,
  files: readonly SignedFile[],
  publicKey: KeyObject,
): readonly string[] {
  const envelope = BundleWire.safeParse(parsed(bundle)).data
  if (!envelope) return ['It is no Sigstore bundle with a public key.']
  const { hint } = envelope.verificationMaterial.publicKey
  if (hint && hint !== keyHint(publicKey)) return ['It was made with another key.']
  const payload = Buffer.from(envelope.dsseEnvelope.payload, 'base64')
  const signature = Buffer.from(envelope.dsseEnvelope.signatures[0]!.sig, 'base64')
  if (!verify(hashFor(publicKey), preAuthentication(payload), publicKey, signature))
    return ['The signature is not that of its contents.']
  const statement = StatementWire.safeParse(parsed(payload.toString())).data
  if (!statement) return ['What it signs is no list of files with SHA-256 digests.']
  const { resources } = statement.predicate
  if (rootOf(resources.map(({ digest }) => digest)) !== statement.subject[0]!.digest.sha256)
    return ['Its root digest is not that of its files.']
  return differences(new Map(resources.map(({ name, digest }) => [name, digest])), files)
}

function differences(signed: ReadonlyMap<string, string>, files: readonly SignedFile[]): readonly string[] {
  const found = new Map(covered(files).map(({ path, digest }) => [path, digest as string]))
  return [
    ...[...signed.keys()].filter(path => !found.has(path)).map(path => `${path} is missing.`),
    ...[...found.keys()].filter(path => !signed.has(path)).map(path => `${path} is not signed.`),
    ...[...found]
      .filter(([path, digest]) => (signed.get(path) ?? digest) !== digest)
      .map(([path]) => `${path} was changed.`),
  ]
}

function statementOf(name: string, files: readonly SignedFile[]): object {
  const resources = covered(files).map(({ path, digest }) => ({ name: path, algorithm: 'sha256', digest }))
  return {
    _type: statementType,
    subject: [{ name, digest: { sha256: rootOf(resources.map(({ digest }) => digest)) } }],
    predicateType,
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [signaturePath] },
      resources,
    },
  }
}

const covered = (files: readonly SignedFile[]): readonly SignedFile[] =>
  files.filter(({ path }) => path !== signaturePath).toSorted((a, b) => (a.path < b.path ? -1 : 1))

/** SHA-256 over the digests' bytes, one after the other. */
function rootOf(digests: readonly string[]): string {
  const hash = createHash('sha256')
  for (const digest of digests) hash.update(digest, 'hex')
  return hash.digest('hex')
}

/** What is signed in the payload's place [DSSE 1.0, protocol]. */
const preAuthentication = (payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload])

const keyHint = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'pem' }))
    .digest('hex')

function hashFor(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? 'none'
  const hash = hashOfCurve[curve]
  if (hash === undefined)
    throw invalid('This key cannot sign models.', [
      { field: 'key', value: curve, allowed: 'an elliptic-curve key on P-256, P-384 or P-521' },
    ])
  return hash
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
