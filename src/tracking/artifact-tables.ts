import type { Migration, References } from '#storage'

export type ArtifactTables = {
  /** A file or directory by its place. Directories come with the first file below them. */
  artifact_entry: {
    parent: string
    name: string
    kind: 'directory' | 'file'
    /** Of files. */
    digest: string | null
    size: number
    updated_at: number
  }
  /** What a run, a logged model or a trace has in files. Whoever changes what is below holds this row. */
  artifact_root: { root: string; experiment: string; project: string; files: number; bytes: number }
  /** Bytes that lost a path, or were looked at since: they may be freed when nothing else names them. */
  artifact_dropped: { digest: string; at: number }
  /** `secret`: of the signatures of URLs that need no token. */
  artifact_key: { name: string; secret: string }
  artifact_upload: {
    id: string
    path: string
    project: string
    experiment: string
    parts: number
    state: 'open' | 'complete'
    expires_at: number
  }
  artifact_upload_part: { upload: string; number: number; digest: string; size: number }
  /** Who sweeps: of the processes that share the database one at a time. */
  artifact_sweeper: { name: string; owner: string; lease_until: number }
}

/**
 * What names bytes here without wanting them, and what is nothing but bytes: a tree is one for the platform only where
 * something else says so.
 */
export const artifactReferences: References = {
  rows: {},
  except: ['artifact_dropped', 'artifact_sweeper', 'artifact_upload_part'],
  leaves: ['artifact_entry.digest'],
}

export const artifactMigrations: readonly Migration[] = [
  {
    name: 'artifacts-001',
    statements: [
      `create table artifact_entry (
         parent text not null, name text not null, kind text not null, digest text, size bigint not null,
         updated_at bigint not null, primary key (parent, name))`,
      `create index artifact_entry_digest on artifact_entry (digest)`,
      `create table artifact_root (
         root text primary key, experiment text not null, project text not null, files bigint not null, bytes bigint not null)`,
      `create index artifact_root_experiment on artifact_root (experiment, root)`,
      `create index artifact_root_project on artifact_root (project)`,
      `create table artifact_dropped (digest text primary key, at bigint not null)`,
      `create index artifact_dropped_at on artifact_dropped (at)`,
      `create table artifact_key (name text primary key, secret text not null)`,
      `create table artifact_upload (
         id text primary key, path text not null, project text not null, experiment text not null, parts bigint not null,
         state text not null, expires_at bigint not null)`,
      `create index artifact_upload_expiry on artifact_upload (expires_at)`,
      `create table artifact_upload_part (
         upload text not null references artifact_upload, number bigint not null, digest text not null, size bigint not null,
         primary key (upload, number))`,
    ],
  },
  {
    name: 'artifacts-002',
    statements: [
      `create table artifact_sweeper (name text primary key, owner text not null, lease_until bigint not null)`,
    ],
  },
  {
    name: 'artifacts-003',
    // What a project has in a million roots is added up from the index alone.
    statements: [
      `drop index artifact_root_project`,
      `create index artifact_root_amount on artifact_root (project, files, bytes)`,
    ],
  },
]
