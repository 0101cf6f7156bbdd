import type { Migration } from '#storage'

export type SourceTables = {
  repository: { id: string; project: string; created_at: number }
  repository_ref: { repository: string; branch: string; commit_id: string; at: number }
}

export const sourceMigrations: readonly Migration[] = [
  {
    name: 'source-001',
    statements: [
      // id names the folder on disk, so that a project can be renamed without moving it.
      `create table repository (id text primary key, project text not null unique, created_at bigint not null)`,
      // The heads that were announced: what git says beyond these is news.
      `create table repository_ref (repository text not null, branch text not null, commit_id text not null, at bigint not null, primary key (repository, branch))`,
    ],
  },
]
