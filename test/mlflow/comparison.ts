import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { differences } from './differences.ts'
import type { Flow } from './flows.ts'

/** What is seen from MLflow's server held against what is seen from ours. */
export interface Comparison {
  /** Throws when a step differs and the difference is not declared, or not the declared one. */
  compare(expected: Flow, actual: Flow): void
  /** Throws when a difference is declared that no comparison has met. */
  complete(flows: readonly string[]): void
}

export function createComparison(): Comparison {
  const met = new Set<string>()
  return {
    compare(expected, actual) {
      assert.equal(expected.failed, undefined)
      assert.equal(actual.failed, undefined)
      const wanted: Record<string, unknown> = {}
      const other: Record<string, unknown> = {}
      for (const step of Object.keys({ ...expected.seen, ...actual.seen })) {
        const [theirs, ours] = [expected.seen[step], actual.seen[step]]
        if (isDeepStrictEqual(theirs, ours)) continue
        const meant = differences.find(declared => declared.flow === expected.flow && step in declared.ours)
        if (meant && isDeepStrictEqual(meant.ours[step], ours)) {
          met.add(`${meant.flow}: ${step}`)
          continue
        }
        wanted[step] = theirs
        other[step] = ours
      }
      assert.deepEqual(other, wanted)
    },

    complete(flows) {
      const declared = differences
        .filter(({ flow }) => flows.includes(flow))
        .flatMap(({ flow, ours }) => Object.keys(ours).map(step => `${flow}: ${step}`))
      assert.deepEqual(
        declared.filter(step => !met.has(step)),
        [],
      )
    },
  }
}
