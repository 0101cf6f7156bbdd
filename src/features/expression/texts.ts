/** Texts by code points, as databases have them. What is longer than a request may send is null. */

export const textMax = 65_536

const bounded = (text: string): string | null => (text.length <= textMax ? text : null)

/** Whether every unit is a character of its own. */
const isFlat = (text: string): boolean => !/[\uD800-\uDFFF]/.test(text)

/** The order of code points, which beyond the first plane is not that of JavaScript. */
export function compare(a: string, b: string): number {
  if (isFlat(a) && isFlat(b)) return a < b ? -1 : a > b ? 1 : 0
  const [left, right] = [Array.from(a), Array.from(b)]
  for (const [at, point] of left.entries()) {
    const difference = (point.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

export const join = (a: string, b: string): string | null => bounded(a + b)

export const length = (text: string): number => (isFlat(text) ? text.length : Array.from(text).length)

/** Characters that become one other; those that would become several stay. */
const eachPoint = (text: string, change: (point: string) => string): string => {
  let changed = ''
  for (const point of text) {
    const other = change(point)
    changed += length(other) === 1 ? other : point
  }
  return changed
}

export const lower = (text: string): string => eachPoint(text, point => point.toLowerCase())
export const upper = (text: string): string => eachPoint(text, point => point.toUpperCase())

/** Spaces of whatever width (Unicode's Zs), and no tabs or line ends. */
const isSpace = (text: string, at: number): boolean =>
  /^[ \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]$/.test(text[at] ?? '')

export function trim(text: string, isLeft: boolean, isRight: boolean): string {
  let [from, to] = [0, text.length]
  while (isLeft && from < to && isSpace(text, from)) from++
  while (isRight && from < to && isSpace(text, to - 1)) to--
  return text.slice(from, to)
}

/** From a place that is counted from 1, or from the end when it is negative. */
export function substring(text: string, from: number, count: number): string | null {
  if (count < 0) return null
  const points = isFlat(text) ? text : Array.from(text)
  const start = from > 0 ? from - 1 : from < 0 ? Math.max(0, points.length + from) : -1
  const part = points.slice(Math.max(0, start), Math.max(0, start + count))
  return typeof part === 'string' ? part : part.join('')
}

/** Without the last characters when the count is negative. */
export function left(text: string, count: number): string {
  const points = Array.from(text)
  return points.slice(0, count < 0 ? Math.max(0, points.length + count) : count).join('')
}

/** Without the first characters when the count is negative. */
export function right(text: string, count: number): string {
  const points = Array.from(text)
  return points.slice(count < 0 ? -count : Math.max(0, points.length - count)).join('')
}

export function replace(text: string, part: string, other: string): string | null {
  if (part === '') return text
  const pieces = text.split(part)
  const size = text.length + (pieces.length - 1) * (other.length - part.length)
  return size <= textMax ? pieces.join(other) : null
}

/** Counted from 1; 0 when it is not there. */
export const position = (text: string, part: string): number => {
  const at = text.indexOf(part)
  return at < 0 ? 0 : length(text.slice(0, at)) + 1
}

const words: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  yes: true,
  y: true,
  1: true,
  false: false,
  f: false,
  no: false,
  n: false,
  0: false,
}

export const readBoolean = (text: string): boolean | null => {
  const word = lower(text)
  return Object.hasOwn(words, word) ? words[word]! : null
}
