import type { Place } from './sealed.ts'

/** Seals a text anew; undefined when that is not necessary. */
export type Renew = (sealed: string, place: Place) => Promise<string | undefined>

/** Secrets in a table of another component, each sealed for the place of its row. */
export interface SealedColumn {
  /** Seals what is kept as it was given, from the time before there was a vault. Answers how many. */
  sealPlain(): Promise<number>
  /** Answers how many were sealed anew. */
  reseal(renew: Renew): Promise<number>
}
