import { TrainyardError } from '#kernel/error.ts'
import type { Access } from './access.ts'
import { platformRole, type Actor } from './actor.ts'
import type { UserChange } from './users.ts'

/** What users may do about themselves, over either API. */

/** Throws `forbidden`. */
export function requireSelfOrAdmin(caller: Actor, user: string): void {
  if (platformRole(caller) !== 'admin' && caller.user !== user)
    throw new TrainyardError('forbidden', 'Only administrators see and change other users.')
}

export interface Change extends UserChange {
  readonly name: string
  readonly currentPassword?: string | undefined
}

/**
 * Users change their own password, and show that they know the old one or have just signed in with it: a token that was
 * lost must not take over its user. All else is for administrators. Throws `forbidden`.
 */
export async function changeUser(
  access: Access,
  caller: Actor,
  { name, currentPassword, ...change }: Change,
): Promise<void> {
  requireSelfOrAdmin(caller, name)
  const isAdmin = platformRole(caller) === 'admin'
  if (change.role !== undefined && !isAdmin)
    throw new TrainyardError('forbidden', 'Only administrators give roles in every project.')
  if (change.password !== undefined && caller.user === name) {
    const { hasPassword } = (await access.users.get(name)).user
    const isKnown = currentPassword === undefined ? !caller.byToken : await access.users.knows(name, currentPassword)
    if (hasPassword ? !isKnown : !isAdmin)
      throw new TrainyardError('forbidden', 'The current password is missing or wrong: `currentPassword`.')
  }
  await access.users.update(name, change)
}
