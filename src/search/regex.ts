import { RE2JS } from 're2js'
import { invalid } from '#kernel/error.ts'
import { patternMax } from './filter.ts'

/*
 * RLIKE knows the part of regular expressions that RE2 (SQLite, through re2js) and PostgreSQL read alike and match in
 * linear time: literals, `.` (any character, the newline too), classes, \d \w \s (ASCII), \b, anchors, groups,
 * alternatives, repetitions up to 255, and (?i) at the start. Back-references and look-around are refused.
 */

/** PostgreSQL's DUPMAX. */
const repeatMax = 255
/** Atoms after repetitions are written out. */
const sizeMax = 2_000

const classes: Readonly<Record<string, string>> = { d: '0-9', w: 'A-Za-z0-9_', s: ' \\t\\n\\r\\f\\v' }
const repetition = /\{(\d{1,4})(,(\d{0,4}))?\}/y

/** The pattern for RE2. Throws `invalid` if it is none, or holds what RLIKE does not know. */
export function re2Regex(pattern: string): string {
  const { body, folded } = translate(pattern, '\\b')
  const re2 = `${folded ? '(?is)' : '(?s)'}${body}`
  try {
    RE2JS.compile(re2)
  } catch {
    throw refused(pattern, 0, 'a regular expression')
  }
  return re2
}

/** The pattern for the operator `~` of PostgreSQL. */
export function postgresRegex(pattern: string): string {
  re2Regex(pattern)
  const { body, folded } = translate(pattern, '\\y')
  return `${folded ? '(?i)' : ''}${body}`
}

const refused = (pattern: string, at: number, allowed: string): Error =>
  invalid(`RLIKE cannot read its pattern at character ${at + 1}.`, [{ field: 'filter', value: pattern, allowed }])

/** A walk over the pattern that writes it out again in words both engines share. */
interface Scan {
  readonly pattern: string
  readonly boundary: string
  at: number
  body: string
  /** Atoms so far in this group and the groups around it. */
  readonly sizes: number[]
  /** Atoms of what a repetition here would repeat; 0 where nothing may be repeated. */
  last: number
}

function translate(pattern: string, boundary: string): { body: string; folded: boolean } {
  if (pattern.length > patternMax) throw refused(pattern, patternMax, `at most ${patternMax} characters`)
  const folded = pattern.startsWith('(?i)')
  const scan: Scan = { pattern, boundary, at: folded ? 4 : 0, body: '', sizes: [0], last: 0 }
  while (scan.at < pattern.length) step(scan)
  if (scan.sizes.length > 1) throw refused(pattern, pattern.length, 'a closing )')
  return { body: scan.body, folded }
}

function step(scan: Scan): void {
  const { pattern, at } = scan
  const character = String.fromCodePoint(pattern.codePointAt(at)!)
  switch (character) {
    case '(':
      return openGroup(scan)
    case ')':
      return closeGroup(scan)
    case '[':
      return readClass(scan)
    case '\\':
      return readEscape(scan)
    case '*':
    case '+':
    case '?':
      return repeat(scan, character, 1)
    case '{':
      return repeatCounted(scan)
    case '|':
    case '^':
    case '$':
      return write(scan, character, { length: 1, size: 0 })
    case '.':
      return write(scan, '.', { length: 1, size: 1 })
    case ']':
    case '}':
      return write(scan, `\\${character}`, { length: 1, size: 1 })
    default:
      return write(scan, character, { length: character.length, size: 1 })
  }
}

function write(scan: Scan, text: string, { length, size }: { length: number; size: number }): void {
  scan.body += text
  scan.at += length
  grow(scan, size)
  scan.last = size
}

function grow(scan: Scan, size: number): void {
  scan.sizes[scan.sizes.length - 1]! += size
  if (scan.sizes.at(-1)! > sizeMax)
    throw refused(scan.pattern, scan.at, 'a smaller expression: its repetitions multiply')
}

function openGroup(scan: Scan): void {
  const plain = scan.pattern.startsWith('(?:', scan.at)
  if (!plain && scan.pattern[scan.at + 1] === '?') {
    throw refused(scan.pattern, scan.at, '( ) and (?: ); no look-around, no names; (?i) at the start only')
  }
  if (scan.sizes.length > 50) throw refused(scan.pattern, scan.at, 'at most 50 groups within each other')
  scan.body += '(?:'
  scan.at += plain ? 3 : 1
  scan.sizes.push(0)
  scan.last = 0
}

function closeGroup(scan: Scan): void {
  if (scan.sizes.length === 1) throw refused(scan.pattern, scan.at, String.raw`a group that is open, or \)`)
  const size = Math.max(1, scan.sizes.pop()!)
  write(scan, ')', { length: 1, size })
}

function repeat(scan: Scan, sign: string, times: number): void {
  const { pattern, at, last } = scan
  if (last === 0) throw refused(pattern, at, `something to repeat before it, or \\${pattern[at]}`)
  const length = sign.length
  // A lazy repetition finds a match exactly where a greedy one does.
  const lazy = pattern[at + length] === '?'
  write(scan, sign, { length: length + (lazy ? 1 : 0), size: 0 })
  grow(scan, last * (times - 1))
}

function repeatCounted(scan: Scan): void {
  const { pattern, at } = scan
  repetition.lastIndex = at
  const [sign, from, comma, to] = repetition.exec(pattern) ?? []
  if (sign === undefined) throw refused(pattern, at, String.raw`{n}, {n,} or {n,m}, or \{`)
  const least = Number(from)
  const most = comma === undefined || to === '' ? least : Number(to)
  if (most < least || most > repeatMax)
    throw refused(pattern, at, `repetitions from 0 to ${repeatMax}, the lower first`)
  repeat(scan, sign, Math.max(1, most))
}

function readEscape(scan: Scan): void {
  const { pattern, at, boundary } = scan
  const letter = pattern[at + 1] ?? ''
  const inside = classes[letter.toLowerCase()]
  const whole = { length: 2, size: 1 }
  if (inside !== undefined) return write(scan, letter in classes ? `[${inside}]` : `[^${inside}]`, whole)
  if (letter === 'b') return write(scan, boundary, { length: 2, size: 0 })
  if (isCharacterEscape(letter)) return write(scan, `\\${letter}`, whole)
  throw refused(pattern, at, String.raw`\d \D \w \W \s \S \b \n \r \t, or a sign behind \ ; no back-references`)
}

/** Letters that mean a character, and ASCII signs. */
const isCharacterEscape = (letter: string): boolean => /^[nrt]$|^[!-/:-@[-`{-~ ]$/.test(letter)

function readClass(scan: Scan): void {
  const { pattern } = scan
  const start = scan.at
  let at = start + 1
  const negated = pattern[at] === '^'
  if (negated) at++
  let items = ''
  while (pattern[at] !== ']') {
    const item = classItem(pattern, at)
    if (item === undefined)
      throw refused(pattern, at, String.raw`a class [a-z0-9_] that closes; inside, \[ \] \- for these signs`)
    items += item.text
    at = item.end
  }
  if (items === '') throw refused(pattern, start, 'a class that holds something')
  write(scan, `[${negated ? '^' : ''}${items}]`, { length: at + 1 - start, size: 1 })
}

/** A character, a range or \d \w \s within a class, written so that both engines read it alike. */
function classItem(pattern: string, at: number): { text: string; end: number } | undefined {
  const shorthand = pattern[at] === '\\' ? classes[pattern[at + 1] ?? ''] : undefined
  if (shorthand !== undefined) return { text: shorthand, end: at + 2 }
  const from = classCharacter(pattern, at)
  if (from === undefined) return undefined
  if (pattern[from.end] !== '-' || pattern[from.end + 1] === ']') return { text: from.text, end: from.end }
  const to = classCharacter(pattern, from.end + 1)
  if (to === undefined || to.code < from.code) return undefined
  return { text: `${from.text}-${to.text}`, end: to.end }
}

const namedCodes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9 }

function classCharacter(pattern: string, at: number): { text: string; code: number; end: number } | undefined {
  const first = pattern.codePointAt(at)
  if (first === undefined || first === 0x5b) return undefined
  if (first === 0x5c) {
    const letter = pattern[at + 1] ?? ''
    if (!isCharacterEscape(letter)) return undefined
    return { text: `\\${letter}`, code: namedCodes[letter] ?? letter.charCodeAt(0), end: at + 2 }
  }
  const character = String.fromCodePoint(first)
  const text = character === '^' || character === '-' ? `\\${character}` : character
  return { text, code: first, end: at + character.length }
}
