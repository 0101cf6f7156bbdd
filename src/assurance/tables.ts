import type { Migration } from '#storage'

export type AssuranceTables = {
  /** The last reading of a version's files. */
  assurance_scan: { version: string; digest: string; verdict: string; files: string; at: number }
  assurance_signature: { version: string; digest: string; bundle: string; public_key: string; at: number }
  assurance_approval: {
    id: string
    version: string
    actor: string
    role: string
    verdict: string
    reason: string
    digest: string
    at: number
  }
  /** What people have written about a version; later versions show it until somebody writes anew. */
  assurance_opinion: {
    project: string
    model: string
    number: number
    name: string
    body: string
    actor: string
    at: number
  }
}

/** Tables of what was found and decided about bytes, which may be gone. */
export const assuranceRecords = ['assurance_scan', 'assurance_signature', 'assurance_approval'] as const

export const assuranceMigrations: readonly Migration[] = [
  {
    name: 'assurance-001',
    statements: [
      `create table assurance_scan (version text primary key, digest text not null, verdict text not null, files text not null, at bigint not null)`,
      `create table assurance_signature (version text primary key, digest text not null, bundle text not null, public_key text not null, at bigint not null)`,
      `create table assurance_approval (
         id text primary key, version text not null, actor text not null, role text not null, verdict text not null,
         reason text not null, digest text not null, at bigint not null)`,
      `create index assurance_approval_version on assurance_approval (version, id)`,
      `create table assurance_opinion (
         project text not null, model text not null, number bigint not null, name text not null, body text not null,
         actor text not null, at bigint not null, primary key (project, model, name, number))`,
    ],
  },
]
