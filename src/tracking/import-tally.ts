import { int64Text, type Int64 } from '#kernel/int64.ts'
import { storedValue } from './metric.ts'
import type { Tally } from './tally.ts'

/* What the two sides of an import are compared by: what makes a param, a point, … the same one. */

export const keyTextFacts = ({ key, value }: { readonly key: string; readonly value: string }): readonly unknown[] => [
  key,
  value,
]

export const pointFacts = (point: {
  readonly key: string
  readonly step: Int64
  readonly timestamp: number
  readonly value: number
}): readonly unknown[] => [
  point.key,
  int64Text(point.step),
  point.timestamp,
  Number.isNaN(point.value) ? 'NaN' : storedValue(point.value),
]

export const datasetFacts = (input: {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  readonly source: string
  readonly schema?: string | undefined
  readonly profile?: string | undefined
  readonly tags: readonly { readonly key: string; readonly value: string }[]
}): readonly unknown[] => [
  input.name,
  input.digest,
  input.sourceType,
  input.source,
  input.schema ?? '',
  input.profile ?? '',
  input.tags.map(keyTextFacts).toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
]

export const linkFacts = (link: {
  readonly direction: string
  readonly model: string
  readonly step: Int64
}): readonly unknown[] => [link.direction, link.model, int64Text(link.step)]

export const modelPointFacts = (
  point: Parameters<typeof pointFacts>[0] & {
    readonly run: string
    readonly datasetName?: string | undefined
    readonly datasetDigest?: string | undefined
  },
): readonly unknown[] => [...pointFacts(point), point.run, point.datasetName ?? '', point.datasetDigest ?? '']

/** What a run holds, by kind. */
export interface RunTallies {
  readonly params: Tally
  readonly tags: Tally
  readonly points: Tally
  readonly datasets: Tally
  readonly links: Tally
}

export interface LoggedModelTallies {
  readonly params: Tally
  readonly tags: Tally
  readonly points: Tally
}
