import type { Migration } from '#storage'

export type AccessTables = {
  token: {
    id: string
    name: string
    role: string
    hash: string
    created_at: number
    expires_at: number | null
    user_name: string | null
    /** Names as JSON; null is every project. */
    projects: string | null
    /** Names as JSON; null is no such limit. */
    deployments: string | null
  }
  /** `user` is a word of SQL. */
  app_user: { name: string; number: number; password: string | null; role: string | null; created_at: number }
  project_member: { user_name: string; project: string; role: string }
  access_grant: { user_name: string; project: string; kind: string; thing: string; level: string }
}

export const accessMigrations: readonly Migration[] = [
  {
    name: 'access-001',
    statements: [
      `create table token (id text primary key, name text not null, role text not null, hash text not null unique, created_at bigint not null, expires_at bigint)`,
    ],
  },
  {
    name: 'access-002',
    statements: [
      `create table app_user (name text primary key, number bigint not null unique, password text, role text, created_at bigint not null)`,
      `create table project_member (
         user_name text not null references app_user on delete cascade, project text not null, role text not null,
         primary key (user_name, project))`,
      `create index project_member_project on project_member (project, user_name)`,
      `create table access_grant (
         user_name text not null references app_user on delete cascade, project text not null, kind text not null,
         thing text not null, level text not null, primary key (user_name, kind, thing))`,
      `create index access_grant_thing on access_grant (kind, thing)`,
      `alter table token add column user_name text references app_user on delete cascade`,
      `alter table token add column projects text`,
      `create index token_user on token (user_name)`,
    ],
  },
  { name: 'access-003', statements: [`alter table token add column deployments text`] },
]
