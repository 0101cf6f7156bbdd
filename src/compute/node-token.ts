import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

/** What the nodes of one attempt prove themselves with. Known by its prefix to whoever looks for leaked secrets. */
export const newNodeSecret = (): string => `tyn_${randomBytes(32).toString('base64url')}`

/** A secret of 256 random bits needs no salt and no slow hash. */
export const hashOfNodeSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** Text that only who has the secret can read: the database holds no more of a secret than its hash. */
export function sealFor(secret: string, text: string): string {
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, keyOf(secret), nonce)
  const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()])
  return Buffer.concat([nonce, sealing.getAuthTag(), sealed]).toString('base64')
}

export function unseal(secret: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64')
  const opening = createDecipheriv(cipher, keyOf(secret), bytes.subarray(0, nonceBytes))
  opening.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
  return Buffer.concat([opening.update(bytes.subarray(nonceBytes + tagBytes)), opening.final()]).toString('utf8')
}

const keyOf = (secret: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', 'trainyard node secrets', 32))
