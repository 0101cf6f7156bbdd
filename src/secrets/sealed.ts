import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { canonicalJson } from '#kernel/json.ts'

/** What a sealed text belongs to. Moved to another place, to another project or to another version, it does not open. */
export interface Place {
  /** Empty for the platform as a whole. */
  readonly project: string
  /** The thing and its field: `secret/DB_PASSWORD/3`. */
  readonly name: string
}

export interface SealingKey {
  readonly id: string
  /** 32 bytes. */
  readonly bytes: Uint8Array
}

export const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
const version = 'v1'

const associated = ({ project, name }: Place): Buffer => Buffer.from(canonicalJson([version, project, name]))

/** AES-256-GCM under a nonce of its own [NIST SP 800-38D], as `v1.<key>.<nonce, ciphertext and tag in base64url>`. */
export function sealText(text: string, place: Place, { id, bytes }: SealingKey): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', bytes, nonce)
  cipher.setAAD(associated(place))
  const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return `${version}.${id}.${Buffer.concat(sealed).toString('base64url')}`
}

/** Throws when it was sealed for another place or with another key, or was changed. */
export function openText(sealed: string, place: Place, { bytes }: Pick<SealingKey, 'bytes'>): string {
  const all = Buffer.from(sealed.split('.')[2] ?? '', 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', bytes, all.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(associated(place))
  decipher.setAuthTag(all.subarray(-tagBytes))
  return Buffer.concat([decipher.update(all.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString()
}

/** The id of the key that opens it. */
export const keyOf = (sealed: string): string => sealed.split('.')[1] ?? ''
