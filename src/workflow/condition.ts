import { canonicalJson, type Json } from '#kernel/json.ts'
import { testsOf, type TestSpec, type WhenSpec } from '#project'

/** What a comparison is about, found by its owner; undefined when nothing gave it. */
export type Subject = (test: TestSpec) => Promise<Json | undefined>

/** Why a condition does not hold, as a sentence; undefined when it does. */
export async function unmet(when: WhenSpec | undefined, subject: Subject): Promise<string | undefined> {
  if (!when) return undefined
  const failures: string[] = []
  const tests = testsOf(when)
  for (const { test } of tests) {
    const value = await subject(test)
    if (value === undefined || !holds(test, value)) failures.push(sentence(test, value))
  }
  const isMet = when.any ? failures.length < tests.length : failures.length === 0
  return isMet ? undefined : `Its condition does not hold: ${failures.join('; ')}.`
}

function holds(test: TestSpec, value: Json): boolean {
  const { is, isNot, above, atLeast, below, atMost } = test
  const same = (other: unknown): boolean => canonicalJson(other) === canonicalJson(value)
  if (is !== undefined) return same(is)
  if (isNot !== undefined) return !same(isNot)
  if (test.in !== undefined) return test.in.some(same)
  if (typeof value !== 'number') return false
  if (above !== undefined) return value > above
  if (atLeast !== undefined) return value >= atLeast
  if (below !== undefined) return value < below
  return atMost !== undefined && value <= atMost
}

const words = {
  is: '',
  isNot: 'anything but ',
  in: 'one of ',
  above: 'above ',
  atLeast: 'at least ',
  below: 'below ',
  atMost: 'at most ',
} as const

const shownMax = 80
const show = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > shownMax ? `${text.slice(0, shownMax - 1)}…` : text
}

/** `train.accuracy is 0.8, not above 0.9` */
function sentence(test: TestSpec, value: Json | undefined): string {
  const name = `${test.value ?? test.metric ?? test.param}${test.at === undefined ? '' : ` at ${test.at}`}`
  if (value === undefined) return `${name} was not given`
  const [kind, word] = Object.entries(words).find(([key]) => test[key as keyof typeof words] !== undefined)!
  return `${name} is ${show(value)}, not ${word}${show(test[kind as keyof typeof words])}`
}
