import { TrainyardError } from '#kernel/error.ts'
import type { CarriedGrant } from './record.ts'
import type { Api } from './api.ts'

export interface TargetUser {
  readonly hasPassword: boolean
  readonly isAdministrator: boolean
  readonly grants: readonly CarriedGrant[]
}

/** The part of a target that takes users; it is for administrators of the platform. */
export interface UserTarget {
  user(name: string): Promise<TargetUser | undefined>
  /** Without a password: nobody can sign in as them yet. */
  makeUser(name: string, isAdministrator: boolean): Promise<void>
  grant(user: string, grant: CarriedGrant): Promise<void>
}

interface UserJson {
  readonly user: { readonly hasPassword: boolean; readonly role?: string }
  readonly grants: readonly CarriedGrant[]
}

export const createUserTarget = (api: Api): UserTarget => ({
  async user(name) {
    const found = await api.get<UserJson>(`/api/v1/users/${encodeURIComponent(name)}`).catch((error: unknown) => {
      if (error instanceof TrainyardError && error.code === 'not_found') return undefined
      throw error
    })
    if (!found) return undefined
    const { user, grants } = found
    return {
      hasPassword: user.hasPassword,
      isAdministrator: user.role === 'admin',
      grants: grants.map(({ kind, id, level }) => ({ kind, id, level })),
    }
  },

  makeUser: (name, isAdministrator) =>
    api.send('POST', '/api/v1/users', { name, ...(isAdministrator && { role: 'admin' }) }),

  grant: (user, { kind, id, level }) =>
    api.send('POST', '/api/3.0/mlflow/users/permissions/grant', {
      username: user,
      resource_type: kind,
      resource_id: id,
      permission: level,
    }),
})
