import type { Role } from './role.ts'

/** What may be done to a thing, least first; each includes those before it. */
export const permissions = ['read', 'edit', 'manage'] as const
export type Permission = (typeof permissions)[number]

/** What a permission is asked for: a project, or one thing of it that may have grants of its own. */
export interface Resource {
  readonly project: string
  readonly kind?: ThingKind
  /** Experiment id, name of the registered model as clients write it, or `<experiment id>/<name>` of a scorer. */
  readonly id?: string
}

export const thingKinds = ['experiment', 'registered_model', 'scorer'] as const
export type ThingKind = (typeof thingKinds)[number]

/** What is granted on one thing, in MLflow's words, least first. */
export const levels = ['NO_PERMISSIONS', 'READ', 'USE', 'EDIT', 'MANAGE'] as const
export type Level = (typeof levels)[number]

const permissionOfLevel: Readonly<Record<Level, Permission | undefined>> = {
  NO_PERMISSIONS: undefined,
  READ: 'read',
  USE: 'read',
  EDIT: 'edit',
  MANAGE: 'manage',
}

const permissionOfRole: Readonly<Record<Role, Permission>> = { viewer: 'read', editor: 'edit', admin: 'manage' }

export const includes = (held: Permission | undefined, asked: Permission): boolean =>
  held !== undefined && permissions.indexOf(held) >= permissions.indexOf(asked)

/**
 * What a role in the project and a grant on the thing allow together. A grant decides about its thing, more or less than
 * the role; but who manages the project manages everything in it.
 */
export function permissionFrom(role: Role | undefined, level: Level | undefined): Permission | undefined {
  const byRole = role && permissionOfRole[role]
  return level === undefined || byRole === 'manage' ? byRole : permissionOfLevel[level]
}

/** The level that says the same as a role and a grant do together. */
export const levelFrom = (role: Role | undefined, level: Level | undefined): Level => {
  if (role === 'admin') return 'MANAGE'
  if (level !== undefined) return level
  return role === 'editor' ? 'EDIT' : role === 'viewer' ? 'READ' : 'NO_PERMISSIONS'
}
