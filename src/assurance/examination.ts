import { createPublicKey } from 'node:crypto'
import type { z } from 'zod'
import type { ModelVersion } from '#registry'
import type { Tree } from '#storage'
import { dangerFound } from './events.ts'
import { signatureProblems, signModel, type SignedFile } from './model-signature.ts'
import { named, requireDigest, type AssuranceParts } from './parts.ts'
import { scanVerdict, type Scan } from './scan.ts'
import type { SignatureCheckWire } from './wire.ts'

/** Reads and signs the files of a version unless that is done. Throws `conflict` when they are not here. */
export async function examine(parts: AssuranceParts, version: ModelVersion): Promise<Scan> {
  const { store, registry, scanner, clock } = parts
  const known = await store.findScan(version.id)
  if (known && known.digest === version.digest && (await store.findSignature(version.id))) return known
  const digest = requireDigest(version)
  const tree = await registry.files(version.id)
  const files = [...(await scanner.scan(tree))]
  const scan: Scan = { digest, at: clock.now(), verdict: scanVerdict(files), files }
  await keep(parts, { version, scan, tree })
  return scan
}

/** The signature of a version, held against the files that are there now. */
export async function checkSignature(
  parts: AssuranceParts,
  version: ModelVersion,
): Promise<z.output<typeof SignatureCheckWire>> {
  await examine(parts, version)
  const { bundle, publicKey } = (await parts.store.findSignature(version.id))!
  const files = filesOf(await parts.registry.files(version.id))
  return { bundle, publicKey, problems: [...signatureProblems(bundle, files, createPublicKey(publicKey))] }
}

async function keep(
  { db, store, outbox, signingKey }: AssuranceParts,
  { version, scan, tree }: { version: ModelVersion; scan: Scan; tree: Tree },
): Promise<void> {
  const { privateKey, publicKey } = await signingKey()
  const { digest, at } = scan
  const { id, project, model, version: number } = version
  const bundle = signModel(named(version), filesOf(tree), privateKey)
  await db.transaction().execute(async tx => {
    await store.putScan(tx, id, scan)
    await store.putSignature(tx, id, { digest, bundle, publicKey, at })
    if (scan.verdict !== 'danger') return
    const findings = scan.files.flatMap(({ path, findings: found }) =>
      found.filter(({ severity }) => severity === 'danger').map(({ what }) => `${path} ${what}`),
    )
    await outbox.emit(tx, dangerFound, { project, data: { model, version: id, number, findings } })
  })
}

const filesOf = (tree: Tree): readonly SignedFile[] =>
  Object.entries(tree).map(([path, { digest }]) => ({ path, digest }))
