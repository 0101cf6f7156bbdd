import {
  includes,
  levelFrom,
  permissionFrom,
  type Level,
  type Permission,
  type Resource,
  type ThingKind,
} from './permission.ts'
import { allows, capped, stronger, type Role } from './role.ts'

/** Who asks, and what they may: a user, a token without a user, or the person at the machine. */
export interface Actor {
  /** What they do is recorded under this name. */
  readonly name: string
  /** The user behind; a token may have none. */
  readonly user?: string
  /** In every project. */
  readonly role?: Role
  /** In single projects. */
  readonly roles: ReadonlyMap<string, Role>
  /** A token may allow less than its user may. */
  readonly cap?: Role
  readonly projects?: ReadonlySet<string>
  /** Whether a token speaks, and not a password or the person at the machine. */
  readonly byToken: boolean
}

export const localActor: Actor = { name: 'local', role: 'admin', roles: new Map(), byToken: false }

/** Their role in the platform as a whole; undefined when they only have roles in projects. */
export const platformRole = ({ role, cap, projects }: Actor): Role | undefined =>
  projects ? undefined : capped(role, cap)

export function roleIn(actor: Actor, project: string): Role | undefined {
  const { projects, role, roles, cap } = actor
  if (projects && !projects.has(project)) return undefined
  return capped(stronger(role, roles.get(project)), cap)
}

/** The projects in which they have the role. */
export function projectsWith(actor: Actor, required: Role): 'all' | readonly string[] {
  if (allows(platformRole(actor), required)) return 'all'
  return [...(actor.role && actor.projects ? actor.projects : actor.roles.keys())].filter(project =>
    allows(roleIn(actor, project), required),
  )
}

/** The projects that they have a role in. */
export const readable = (actor: Actor): 'all' | readonly string[] => projectsWith(actor, 'viewer')

/** Whether they have the role in at least one project. */
export const hasAnywhere = (actor: Actor, required: Role): boolean => projectsWith(actor, required).length > 0

/** What was granted to one user, by `<kind>/<id>`. */
export type GrantMap = ReadonlyMap<string, { readonly level: Level; readonly project: string }>

export const grantKey = ({ kind, id }: Pick<Resource, 'kind' | 'id'>): string => `${kind}/${id}`

/** Whether they may do this to the thing. Grants are of the user; what narrows the token narrows them too. */
export function may(actor: Actor, asked: Permission, { resource, grants }: { resource: Resource; grants: GrantMap }) {
  const { projects, cap } = actor
  if (projects && !projects.has(resource.project)) return false
  if (cap && !includes(permissionFrom(cap, undefined), asked)) return false
  const role = stronger(actor.role, actor.roles.get(resource.project))
  return includes(permissionFrom(role, levelOn(resource, grants)), asked)
}

/** The grant on a thing. A scorer without one has that of its experiment. */
export function levelOn(resource: Resource, grants: GrantMap): Level | undefined {
  if (resource.kind === undefined || resource.id === undefined) return undefined
  const grant = grants.get(grantKey(resource))
  if (grant || resource.kind !== 'scorer') return grant?.level
  return grants.get(grantKey({ kind: 'experiment', id: resource.id.split('/')[0]! }))?.level
}

/** Ids of things of a kind that a grant lets them read where no role does. */
export const grantedIds = (actor: Actor, kind: ThingKind, grants: GrantMap): readonly string[] =>
  [...grants].flatMap(([key, { level, project }]) =>
    key.startsWith(`${kind}/`) &&
    level !== 'NO_PERMISSIONS' &&
    roleIn(actor, project) === undefined &&
    actor.projects?.has(project) !== false
      ? key.slice(kind.length + 1)
      : [],
  )

/** What a user may do to a thing, as a level. */
export const levelOf = (
  { user, roles }: { user: { readonly role?: Role }; roles: Actor['roles'] },
  resource: Resource,
  grants: GrantMap,
): Level => levelFrom(stronger(user.role, roles.get(resource.project)), levelOn(resource, grants))
