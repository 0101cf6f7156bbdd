/** What is compared, in the order of the table. */
export const kinds = [
  'experiments',
  'runs',
  'params',
  'tags',
  'metric points',
  'dataset inputs',
  'model links',
  'logged models',
  'traces',
  'spans',
  'assessments',
  'trace links',
  'evaluation datasets',
  'evaluation records',
  'files',
  'bytes',
  'registered models',
  'model versions',
  'webhooks',
  'users',
  'permissions',
] as const

export type Kind = (typeof kinds)[number]

export interface Count {
  readonly kind: Kind
  /** There, where it comes from. */
  readonly there: number
  readonly here: number
}

/** Something that is not the same on both sides. */
export interface Difference {
  /** `run 0123…` */
  readonly what: string
  readonly why: string
}

/** What an import has found on both sides after its last write. */
export interface ImportReport {
  readonly source: string
  readonly target: string
  readonly counts: readonly Count[]
  readonly differences: readonly Difference[]
  /** What cannot be brought by anybody, and is left to people: secrets, passwords. */
  readonly left: readonly Difference[]
  /** Runs, logged models, traces and evaluation datasets that were there already, and the same. */
  readonly passedOver: number
  readonly written: number
}

/** Gathers a report while the import goes on. */
export interface Reporter {
  count(kind: Kind, there: number, here: number): void
  differ(what: string, why: string): void
  leave(what: string, why: string): void
  passedOver(): void
  written(): void
  report(sides: { readonly source: string; readonly target: string }): ImportReport
}

export function createReporter(): Reporter {
  const counts = new Map<Kind, { there: number; here: number }>(kinds.map(kind => [kind, { there: 0, here: 0 }]))
  const differences: Difference[] = []
  const left: Difference[] = []
  let [passed, wrote] = [0, 0]
  return {
    count(kind, there, here) {
      const count = counts.get(kind)!
      count.there += there
      count.here += here
    },
    differ: (what, why) => void differences.push({ what, why }),
    leave: (what, why) => void left.push({ what, why }),
    passedOver: () => void passed++,
    written: () => void wrote++,
    report: sides => ({
      ...sides,
      counts: [...counts].map(([kind, count]) => ({ kind, ...count })),
      differences,
      left,
      passedOver: passed,
      written: wrote,
    }),
  }
}
