import type { MlflowClient } from './mlflow-client.ts'
import { isMissing } from './mlflow-pages.ts'
import type { CarriedGrant, CarriedUser } from './record.ts'

interface PermissionJson {
  readonly resource_type: string
  readonly resource_pattern: string
  readonly permission: string
}

interface UserJson {
  readonly username: string
  readonly is_admin?: boolean
  readonly roles?: readonly { readonly permissions?: readonly PermissionJson[] }[]
}

/**
 * The users of a server with basic authentication, from 3.17 on, with what their roles permit: older servers list none.
 * Who has not logged in as an administrator may not see them all.
 */
export async function* readUsers(client: MlflowClient): AsyncIterable<CarriedUser> {
  const { users = [] } = await client.get<{ users?: readonly UserJson[] }>('users/list', {}).catch((error: unknown) => {
    if (isMissing(error)) return { users: [] }
    throw error
  })
  for (const { username, is_admin, roles = [] } of users) {
    const permissions = roles.flatMap(role => role.permissions ?? [])
    yield { name: username, isAdministrator: is_admin === true, grants: strongest(permissions.map(toGrant)) }
  }
}

const toGrant = ({ resource_type, resource_pattern, permission }: PermissionJson): CarriedGrant => ({
  kind: resource_type,
  id: resource_pattern,
  level: permission === 'DENY' ? 'NO_PERMISSIONS' : permission,
  ...(permission === 'DENY' && { isDenial: true }),
})

const order = ['NO_PERMISSIONS', 'READ', 'USE', 'EDIT', 'MANAGE']
const rank = ({ isDenial, level }: CarriedGrant): number => (isDenial ? order.length : order.indexOf(level))

/** Of what several roles say of one thing, a denial counts, and else the most. */
function strongest(grants: readonly CarriedGrant[]): readonly CarriedGrant[] {
  const byThing = new Map<string, CarriedGrant>()
  for (const grant of grants) {
    const thing = JSON.stringify([grant.kind, grant.id])
    const known = byThing.get(thing)
    if (!known || rank(grant) > rank(known)) byThing.set(thing, grant)
  }
  return [...byThing.values()]
}
