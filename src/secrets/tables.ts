import type { Migration } from '#storage'

export type SecretTables = {
  /** `project` is empty for the platform as a whole. */
  secret: {
    project: string
    name: string
    /** 1, 2, 3 … with every value. */
    version: number
    sealed: string
    set_at: number
    set_by: string
    used_at: number | null
    used_by: string | null
  }
  /** Data keys: what is sealed in a project is sealed with the one that is not retired. */
  secret_key: {
    id: string
    project: string
    /** Sealed with the master key. */
    wrapped: string
    created_at: number
    retired_at: number | null
  }
}

export const secretMigrations: readonly Migration[] = [
  {
    name: 'secrets-001',
    statements: [
      `create table secret (
         project text not null, name text not null, version bigint not null, sealed text not null, set_at bigint not null,
         set_by text not null, used_at bigint, used_by text, primary key (project, name))`,
      `create table secret_key (
         id text primary key, project text not null, wrapped text not null, created_at bigint not null,
         retired_at bigint)`,
      `create unique index secret_key_current on secret_key (project) where retired_at is null`,
    ],
  },
]
