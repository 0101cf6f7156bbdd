import type { Migration } from './migrate.ts'

export type UsageTables = {
  storage_held: { project: string; kind: string; owner: string; files: number; bytes: number }
  /** Sums of `storage_held`, moved with it: nobody adds up a million rows to say how much there is. */
  storage_total: { project: string; kind: string; files: number; bytes: number }
}

/** An owner may be a digest, whose bytes are not wanted for that. */
export const usageRecords = ['storage_held'] as const

export const usageMigrations: readonly Migration[] = [
  {
    name: 'storage-usage-001',
    statements: [
      `create table storage_held (
         project text not null, kind text not null, owner text not null, files bigint not null, bytes bigint not null,
         primary key (project, kind, owner))`,
      `create table storage_total (
         project text not null, kind text not null, files bigint not null, bytes bigint not null, primary key (project, kind))`,
    ],
  },
]
