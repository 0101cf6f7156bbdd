import type { Migration } from '#storage'

export type ProjectTables = {
  project: {
    name: string
    number: number
    revision: string
    goal: string
    fingerprint: string
    commit_id: string | null
    at: number
  }
  /** Who has sent which bytes. */
  blob_upload: { digest: string; sender: string; at: number }
  project_revision: {
    id: string
    project: string
    number: number
    spec: string
    code: string
    commit_id: string | null
    base: string | null
    actor: string
    at: number
  }
}

/** Tables that name bytes without wanting them. */
export const projectRecords = ['blob_upload'] as const

export const projectMigrations: readonly Migration[] = [
  {
    name: 'project-001',
    statements: [
      // The row of a project is the lock on its revisions and the head of its history.
      `create table project (name text primary key, number bigint not null, revision text not null, goal text not null, fingerprint text not null, commit_id text, at bigint not null)`,
      `create index project_revision_order on project (revision)`,
      // spec: the project file as JSON, every default filled in. code: digest of the tree it came with.
      `create table project_revision (id text primary key, project text not null, number bigint not null, spec text not null, code text not null, commit_id text, actor text not null, at bigint not null, unique (project, number))`,
    ],
  },
  { name: 'project-002', statements: [`alter table project_revision add column base text`] },
  {
    name: 'blob-uploads-001',
    statements: [
      `create table blob_upload (digest text not null, sender text not null, at bigint not null, primary key (digest, sender))`,
    ],
  },
]
