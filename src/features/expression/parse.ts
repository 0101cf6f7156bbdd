import { SyntaxProblem, tokensOf, type Token } from './tokens.ts'

/** An expression as it is written, before anything is known of its columns. */
export type Syntax = { readonly line: number } & (
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'value'; readonly value: boolean | number | string | null; readonly isWhole?: boolean }
  | { readonly kind: 'cast'; readonly to: string; readonly of: Syntax }
  | { readonly kind: 'call'; readonly name: string; readonly of: readonly Syntax[] }
)

export interface Selected {
  readonly name: string
  readonly of: Syntax
}

/** Deeper than anybody writes, and far from the end of the stack. */
const depthMax = 100

/** Reads `SELECT … AS name, … FROM request`. Throws `SyntaxProblem`. */
export function parseSelect(sql: string): Selected[] {
  const words = reader(tokensOf(sql))
  words.expect('select')
  const selected: Selected[] = []
  do selected.push(item(words))
  while (words.take(','))
  words.expect('from')
  words.expect('request')
  words.take(';')
  const rest = words.next()
  if (rest.kind !== 'end')
    throw new SyntaxProblem(
      rest.line,
      `${rest.text}: a request view has a row for each row of a request, nothing follows FROM request`,
    )
  return selected
}

function item(words: Words): Selected {
  const of = expression(words)
  const named =
    words.take('as') || words.peek().kind === 'quoted' || (words.peek().kind === 'name' && !words.is('from'))
  if (named) return { name: words.name(), of }
  if (of.kind === 'column') return { name: of.name, of }
  throw new SyntaxProblem(of.line, 'an expression needs a name: … AS name')
}

interface Words {
  peek(ahead?: number): Token
  next(): Token
  /** Whether the next word is this one, in whatever case. */
  is(word: string): boolean
  take(word: string): boolean
  expect(word: string): Token
  name(): string
  /** Runs one level deeper. */
  deeper<T>(work: () => T): T
}

function reader(tokens: readonly Token[]): Words {
  let at = 0
  let depth = 0
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, tokens.length - 1)]!
  const is = (word: string): boolean =>
    (peek().kind === 'name' || peek().kind === 'sign') && peek().text.toLowerCase() === word
  const next = (): Token => {
    const token = peek()
    at++
    return token
  }
  return {
    peek,
    next,
    is,
    take: word => is(word) && next() !== undefined,
    expect(word) {
      if (is(word)) return next()
      throw new SyntaxProblem(peek().line, `${peek().text}: expected ${word.toUpperCase()}`)
    },
    name() {
      const { kind, text, line } = next()
      if (kind === 'name' || kind === 'quoted') return text
      throw new SyntaxProblem(line, `${text}: expected a name`)
    },
    deeper(work) {
      if (++depth > depthMax)
        throw new SyntaxProblem(peek().line, `expressions within each other deeper than ${depthMax}`)
      const done = work()
      depth--
      return done
    },
  }
}

const call = (line: number, name: string, ...of: readonly Syntax[]): Syntax => ({ kind: 'call', line, name, of })

/** From the loosest operators to the tightest. */
const levels: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  [],
  ['=', '<>', '!=', '<', '<=', '>', '>='],
  ['||'],
  ['+', '-'],
  ['*', '/', '//', '%'],
]
const notLevel = 2
const comparedLevel = 3

const expression = (words: Words): Syntax => words.deeper(() => binary(words, 0))

function binary(words: Words, level: number): Syntax {
  if (level === levels.length) return unary(words)
  if (level === notLevel && words.is('not')) {
    const { line } = words.next()
    return call(
      line,
      'not',
      words.deeper(() => binary(words, level)),
    )
  }
  let left = binary(words, level + 1)
  for (;;) {
    const operator = levels[level]!.find(each => words.is(each))
    if (operator !== undefined) {
      const { line } = words.next()
      left = call(line, operator === '!=' ? '<>' : operator, left, binary(words, level + 1))
      continue
    }
    const tested = level === comparedLevel ? test(words, left) : undefined
    if (!tested) return left
    left = tested
  }
}

/** IS, IN, BETWEEN. */
function test(words: Words, left: Syntax): Syntax | undefined {
  const { line } = words.peek()
  const negated = (is: boolean, of: Syntax): Syntax => (is ? call(line, 'not', of) : of)
  if (words.take('is')) {
    const isNot = words.take('not')
    if (words.take('distinct')) {
      words.expect('from')
      return negated(!isNot, call(line, 'is', left, binary(words, comparedLevel + 1)))
    }
    return negated(isNot, call(line, 'is', left, isWord(words)))
  }
  const following = words.peek(1).text.toLowerCase()
  const isNot = words.is('not') && (following === 'in' || following === 'between') && words.take('not')
  if (words.take('in')) {
    words.expect('(')
    return negated(isNot, call(line, 'in', left, ...list(words)))
  }
  if (words.take('between')) {
    const low = binary(words, comparedLevel + 1)
    words.expect('and')
    const high = binary(words, comparedLevel + 1)
    return negated(isNot, call(line, 'and', call(line, '>=', left, low), call(line, '<=', left, high)))
  }
  if (words.is('like') || words.is('ilike'))
    throw new SyntaxProblem(line, 'LIKE is not known here: contains, starts_with and ends_with are')
  return undefined
}

function isWord(words: Words): Syntax {
  const { text, line } = words.next()
  const value = ({ null: null, true: true, false: false } as const)[text.toLowerCase()]
  if (value === undefined)
    throw new SyntaxProblem(line, `${text}: expected NULL, TRUE, FALSE or DISTINCT FROM after IS`)
  return { kind: 'value', line, value }
}

/** Expressions up to the closing bracket, which is taken. */
function list(words: Words): Syntax[] {
  const of: Syntax[] = []
  if (words.take(')')) return of
  do of.push(expression(words))
  while (words.take(','))
  words.expect(')')
  return of
}

function unary(words: Words): Syntax {
  if (words.is('-')) {
    const { line } = words.next()
    return call(
      line,
      'negate',
      words.deeper(() => unary(words)),
    )
  }
  if (words.take('+')) return words.deeper(() => unary(words))
  let of = primary(words)
  for (;;) {
    const { line } = words.peek()
    if (words.take('::')) of = { kind: 'cast', line, to: words.name(), of }
    else if (words.is('at') && words.peek(1).text.toLowerCase() === 'time') {
      for (const word of ['at', 'time', 'zone']) words.expect(word)
      of = call(line, 'timezone', primary(words), of)
    } else return of
  }
}

function primary(words: Words): Syntax {
  const { kind, text, line } = words.next()
  if (kind === 'number') return { kind: 'value', line, value: Number(text), isWhole: /^\d+$/.test(text) }
  if (kind === 'text') return { kind: 'value', line, value: text }
  if (kind === 'quoted') return { kind: 'column', line, name: text }
  if (text === '(') {
    const of = expression(words)
    words.expect(')')
    return of
  }
  if (kind === 'name') return worded(words, text, line)
  throw new SyntaxProblem(line, `${text}: expected an expression`)
}

const constants: Readonly<Record<string, boolean | null>> = { null: null, true: true, false: false }
/** Words that begin no expression: one of them here is a mistake, and no column. */
const reserved = ['from', 'when', 'then', 'else', 'end', 'and', 'or', 'as', 'select', 'where', 'in', 'is']

function worded(words: Words, text: string, line: number): Syntax {
  const word = text.toLowerCase()
  if (Object.hasOwn(constants, word)) return { kind: 'value', line, value: constants[word]! }
  if (reserved.includes(word)) throw new SyntaxProblem(line, `${text}: expected an expression`)
  if (word === 'case') return caseOf(words, line)
  if ((word === 'date' || word === 'timestamp') && words.peek().kind === 'text')
    return { kind: 'cast', line, to: word, of: { kind: 'value', line, value: words.next().text } }
  if (!words.take('(')) {
    if (word !== 'request' || !words.take('.')) return { kind: 'column', line, name: text }
    return { kind: 'column', line, name: words.name() }
  }
  if (word === 'cast' || word === 'try_cast') {
    const of = expression(words)
    words.expect('as')
    const to = words.name()
    words.expect(')')
    return { kind: 'cast', line, to, of }
  }
  if (word === 'extract') {
    const part = words.name()
    words.expect('from')
    const of = expression(words)
    words.expect(')')
    return call(line, 'date_part', { kind: 'value', line, value: part }, of)
  }
  return call(line, word, ...list(words))
}

/** `case` of conditions and values in turn, and a value for what fulfils none. */
function caseOf(words: Words, line: number): Syntax {
  const subject = words.is('when') ? undefined : expression(words)
  const of: Syntax[] = []
  while (words.take('when')) {
    const when = expression(words)
    of.push(subject ? call(line, '=', subject, when) : when)
    words.expect('then')
    of.push(expression(words))
  }
  if (of.length === 0) words.expect('when')
  of.push(words.take('else') ? expression(words) : { kind: 'value', line, value: null })
  words.expect('end')
  return call(line, 'case', ...of)
}
