import { createHash, randomBytes } from 'node:crypto'
import type { Millis } from '#kernel/clock.ts'
import type { Id } from '#kernel/id.ts'
import type { Role } from './role.ts'

/** A secret that stands for a person or a program. Only its hash is kept. */
export interface Token {
  readonly id: Id<'token'>
  /** Without a user: whose it is; what it does is recorded under this name. With one: what it is for. */
  readonly name: string
  /** Without a user: the role. With one: the most that it may, of what the user may; absent is all of that. */
  readonly role?: Role
  readonly user?: string
  /** Where it is good; absent is everywhere. */
  readonly projects?: readonly string[]
  /** It asks these deployments for predictions, and does nothing else: no other door knows it. */
  readonly deployments?: readonly string[]
  readonly createdAt: Millis
  readonly expiresAt?: Millis
}

const prefix = 'tyd_'

/** A new secret of 256 bits, recognisable in logs and by secret scanners. */
export const newSecret = (): string => `${prefix}${randomBytes(32).toString('base64url')}`

/** No password begins so: what comes as password of basic authentication is either. */
export const isTokenSecret = (secret: string): boolean => secret.startsWith(prefix)

/** What is stored of a secret. It is random and long, so that a plain hash is enough. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
