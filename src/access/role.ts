/** What a role allows, least first; each includes those before it. */
export const roles = ['viewer', 'editor', 'admin'] as const
export type Role = (typeof roles)[number]

export const allows = (role: Role | undefined, required: Role): boolean =>
  role !== undefined && roles.indexOf(role) >= roles.indexOf(required)

/** The stronger of two; undefined is no role. */
export const stronger = (a: Role | undefined, b: Role | undefined): Role | undefined =>
  a !== undefined && allows(a, b ?? 'viewer') ? a : (b ?? a)

/** At most `cap`. */
export const capped = (role: Role | undefined, cap: Role | undefined): Role | undefined =>
  role !== undefined && cap !== undefined && allows(role, cap) ? cap : role
