import type { AnyTx } from '#storage'
import type { RunEntry } from './store.ts'

export interface WrittenRow {
  readonly seq: number
  readonly id: string
  readonly experiment: number
  readonly lifecycle: string
  readonly started_at: number
  readonly has_blocks: number
}

export type Accepted = RunEntry & { readonly row: WrittenRow }

export interface Write {
  readonly tx: AnyTx
  readonly accepted: readonly Accepted[]
  readonly numbers: ReadonlyMap<string, number>
}
