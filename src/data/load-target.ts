import type { ColumnKind } from './sql-load.ts'

export type LoadRow = Readonly<Record<string, string | null>>

/** A database that rows are loaded into, in what databases differ. Names in statements stand in double quotes. */
export interface LoadTarget {
  readonly types: Readonly<Record<ColumnKind, string>>
  /** Of a text that is a primary key. */
  readonly keyType: string
  run(statement: string): Promise<void>
  /** Inserts a page into the table that rows stand in until all are there. */
  insert(page: readonly LoadRow[]): Promise<void>
  /** The load of this key has been noted. */
  isNoted(key: string): Promise<boolean>
  /** Notes it, and waits for whoever notes the same at the same time. Rejects when that one has. */
  note(key: string, at: string): Promise<void>
  close(): Promise<void>
}

/** Where a load works. */
export interface LoadPlace {
  /** `sqlite:<file>`, `postgres://…` or `mysql://…`. */
  readonly database: string
  /** Both in double quotes. */
  readonly beside: string
  readonly loads: string
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind }[]
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
