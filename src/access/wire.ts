import { z } from 'zod'
import { idOf, Instant, Name, pageOf } from '#kernel/wire.ts'
import { levels, thingKinds } from './permission.ts'
import { roles } from './role.ts'

export const RoleWire = z.enum(roles)
export const UserName = z.string().min(1).max(100)

export const TokenWire = z
  .object({
    id: idOf<'token'>('tok'),
    name: z.string(),
    role: RoleWire.optional().meta({
      description:
        'Without a user its role; with one the most that it may, and absent when it may all that the user may.',
    }),
    user: z.string().optional(),
    projects: z.array(z.string()).optional(),
    deployments: z.array(z.string()).optional(),
    createdAt: Instant,
    expiresAt: Instant.optional(),
  })
  .meta({ title: 'Token' })
export const TokenBody = z.strictObject({
  name: z.string().min(1).max(100),
  /** Without a user: the role. With one: the most that the token may. */
  role: RoleWire.optional(),
  /** The user for whom it stands. */
  user: UserName.optional(),
  /** Where it is good; absent is everywhere. */
  projects: z.array(Name).min(1).max(100).optional(),
  /** It asks these deployments for predictions, and does nothing else. */
  deployments: z.array(Name).min(1).max(100).optional(),
  expiresAt: Instant.optional(),
})
export const TokenAnswer = z.object({ token: TokenWire, secret: z.string() })
export const TokenList = z.object({ items: z.array(TokenWire) })

export const UserWire = z
  .object({
    name: z.string(),
    number: z.int(),
    /** In every project. */
    role: RoleWire.optional(),
    hasPassword: z.boolean(),
    createdAt: Instant,
  })
  .meta({ title: 'User' })
export const UserBody = z.strictObject({
  name: UserName,
  password: z.string().max(2_000).optional(),
  role: RoleWire.optional(),
})
export const UserChangeBody = z.strictObject({
  /** Null removes it: only tokens sign in then. */
  password: z.string().max(2_000).nullable().optional(),
  /** Of a user who changes their own. */
  currentPassword: z.string().max(2_000).optional(),
  /** Null leaves the roles that single projects give. */
  role: RoleWire.nullable().optional(),
})
export const UserPage = pageOf(UserWire)
export const MemberWire = z.object({ user: z.string(), project: z.string(), role: RoleWire }).meta({ title: 'Member' })
export const MemberBody = z.strictObject({ role: RoleWire })
export const MemberPage = pageOf(MemberWire)
export const GrantWire = z
  .object({
    user: z.string(),
    project: z.string(),
    kind: z.enum(thingKinds),
    id: z.string(),
    level: z.enum(levels),
  })
  .meta({ title: 'Grant' })
export const UserDetail = z.object({ user: UserWire, roles: z.array(MemberWire), grants: z.array(GrantWire) })

/** Who asks: what pages offer depends on it. */
export const MeWire = z.object({
  name: z.string(),
  user: z.string().optional(),
  /** In every project. */
  role: RoleWire.optional(),
  roles: z.array(z.object({ project: z.string(), role: RoleWire })),
})
