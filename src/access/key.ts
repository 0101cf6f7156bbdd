import type { Millis } from '#kernel/clock.ts'
import { projectsWith, type Actor } from './actor.ts'
import type { Role } from './role.ts'
import type { Token } from './token.ts'

/**
 * To ask a deployment changes something: the prediction is logged, windows are judged by the log, and features of any
 * entity are looked up.
 */
export const askingRole: Role = 'editor'

/** What a token is good for at a server that knows it by its hash alone. */
export interface Key {
  readonly hash: string
  /** Who asks. */
  readonly name: string
  readonly expiresAt?: Millis
  /** Projects whose deployments it may look at. */
  readonly reads: 'all' | readonly string[]
  /** Projects whose deployments it may ask. */
  readonly asks: 'all' | readonly string[]
  /** The only ones that it may ask; absent is no such limit. */
  readonly deployments?: readonly string[]
}

export const keyOf = (actor: Actor, { hash, token }: { hash: string; token: Token }): Key => ({
  hash,
  name: actor.name,
  ...(token.expiresAt !== undefined && { expiresAt: token.expiresAt }),
  reads: token.deployments ? [] : projectsWith(actor, 'viewer'),
  asks: projectsWith(actor, askingRole),
  ...(token.deployments && { deployments: token.deployments }),
})
