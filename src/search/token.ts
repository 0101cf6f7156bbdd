export type Quote = "'" | '"' | '`'

/** A piece of a filter: `at` and `end` are offsets in its text, `raw` is what stands there. */
export interface Token {
  readonly kind: 'word' | 'number' | 'quoted' | 'symbol' | 'end' | 'wrong'
  readonly raw: string
  readonly at: number
  readonly end: number
  /** What a quoted token holds, and in which quotes. */
  readonly quoted?: { readonly text: string; readonly quote: Quote }
  /** Of a wrong token: what would be right. */
  readonly allowed?: string
}

// Each is one class, or alternatives that begin differently: no backtracking.
const space = /\s+/y
const word = /[\p{L}_][\p{L}\p{N}_$.]*/uy
const number = /-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const symbol = /[=!<>]+|[(),]/y

/** Cuts a text into tokens. It never throws: the last token is `end`, or `wrong` where nothing fits. */
export function tokenise(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (true) {
    at += matchAt(space, text, at).length
    const token = tokenAt(text, at)
    tokens.push(token)
    if (token.kind === 'end' || token.kind === 'wrong') return tokens
    at = token.end
  }
}

function tokenAt(text: string, at: number): Token {
  const first = text[at]
  if (first === undefined) return { kind: 'end', raw: '', at, end: at }
  if (first === "'" || first === '"' || first === '`') return quotedAt(text, at, first)
  for (const [kind, pattern] of [
    ['word', word],
    ['number', number],
    ['symbol', symbol],
  ] as const) {
    const raw = matchAt(pattern, text, at)
    if (raw !== '') return { kind, raw, at, end: at + raw.length }
  }
  const allowed = 'a key with such a character in `backticks`, a text in quotes; no comment and no second statement'
  return { kind: 'wrong', raw: String.fromCodePoint(text.codePointAt(at)!), at, end: text.length, allowed }
}

/** There is no escape: a text that holds one kind of quote is written in another. */
function quotedAt(text: string, at: number, quote: Quote): Token {
  const close = text.indexOf(quote, at + 1)
  if (close < 0) {
    return { kind: 'wrong', raw: text.slice(at, at + 40), at, end: text.length, allowed: `a closing ${quote}` }
  }
  const raw = text.slice(at, close + 1)
  const content = raw.slice(1, -1)
  // PostgreSQL stores no NUL in text, and refuses it in a parameter.
  if (content.includes('\0')) return { kind: 'wrong', raw, at, end: text.length, allowed: 'a text without NUL' }
  return { kind: 'quoted', raw, at, end: close + 1, quoted: { text: content, quote } }
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
