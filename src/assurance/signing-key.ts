import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalid, messageOf } from '#kernel/error.ts'

/** The key that this installation signs models with. */
export interface SigningKey {
  readonly privateKey: KeyObject
  /** PEM, for others to verify with. */
  readonly publicKey: string
}

/**
 * Reads the key at `path`, or makes one on P-256 there that only its owner can read. Throws `invalid` when the file is
 * no private key.
 */
export async function openSigningKey(path: string): Promise<SigningKey> {
  const pem = await readFile(path, 'utf8').catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return makeKey(path)
    throw error
  })
  try {
    const privateKey = createPrivateKey(pem)
    return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string }
  } catch (error) {
    const allowed = `a private key in PEM, elliptic curve P-256, P-384 or P-521; ${messageOf(error)}`
    throw invalid('The signing key cannot be read.', [{ field: 'signingKey', value: path, allowed }])
  }
}

/** Of two processes that begin at once, the first one's key is taken. */
async function makeKey(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return writeFile(path, pem, { mode: 0o600, flag: 'wx', flush: true }).then(
    () => pem,
    () => readFile(path, 'utf8'),
  )
}
