import type { Digest } from './digest.ts'

/** What bytes are, for who receives them: `Content-Digest` [RFC 9530]. */
export const contentDigest = (digest: Digest): string => `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`

/** The SHA-256 that a `Content-Digest` says; undefined when it says none. */
export function sha256In(header: string | null): Digest | undefined {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(header ?? '') ?? []
  return base64 === undefined ? undefined : (Buffer.from(base64, 'base64').toString('hex') as Digest)
}
