import { conditionsMax, depthMax, operators, patternMax, type Condition, type Filter, type Operator } from './filter.ts'
import type { KeyField, Language } from './language.ts'
import { createReader, type Reader } from './reader.ts'
import { re2Regex } from './regex.ts'

/**
 * Reads a filter:
 *
 *     filter     := all { OR all }
 *     all        := part { AND part }
 *     part       := "(" filter ")" | condition
 *     condition  := identifier ( operator literal | IS [NOT] NULL )
 *     identifier := [ entity "." ] ( word | `any text` | "any text" )
 *     literal    := number | 'text' | "text" | "(" text { "," text } ")"
 *
 * Nothing or an empty text is no filter. Throws `invalid`, and nothing else, whatever the text is.
 */
export function parseFilter(text: string | undefined, language: Language): Filter | undefined {
  if (text === undefined || text === '') return undefined
  const reader = createReader(text, { what: language.what, field: 'filter' })
  const filter = createParser(reader, language)(0)
  reader.end('AND, OR or the end')
  return filter
}

/** A recursive parser; its recursion is bounded by `depthMax`. */
function createParser(reader: Reader, language: Language): (depth: number) => Filter {
  let conditions = 0

  function either(depth: number): Filter {
    const parts = [all(depth)]
    while (reader.word('OR')) parts.push(all(depth))
    return parts.length === 1 ? parts[0]! : { or: parts }
  }

  function all(depth: number): Filter {
    const parts = [part(depth)]
    while (reader.word('AND')) parts.push(part(depth))
    return parts.length === 1 ? parts[0]! : { and: parts }
  }

  function part(depth: number): Filter {
    const open = reader.peek()
    if (!reader.symbol('(')) return condition()
    if (depth >= depthMax) throw reader.problem(open, `at most ${depthMax} parentheses within each other`)
    const inner = either(depth + 1)
    if (!reader.symbol(')')) throw reader.problem(reader.peek(), 'AND, OR or a closing )')
    return inner
  }

  function condition(): Condition {
    const { entity, key, field, token } = reader.identifier(language)
    conditions++
    if (conditions > conditionsMax) throw reader.problem(token, `at most ${conditionsMax} conditions`)
    const operator = readOperator(reader, field)
    if (operator === 'IS NULL' || operator === 'IS NOT NULL') return { entity, key, operator }
    return { entity, key, operator, value: readLiteral(reader, field, operator) }
  }

  return either
}

function readOperator(reader: Reader, field: KeyField): Operator {
  const token = reader.next()
  const first = token.kind === 'word' || token.kind === 'symbol' ? token.raw.toUpperCase() : ''
  const second = first === 'NOT' ? secondWord(reader, 'IN') : first === 'IS' ? nullWord(reader) : ''
  const operator = operators.find(spelt => spelt === first + second)
  const known = [...field.operators, ...(field.numeric ?? [])]
  if (operator === undefined || !known.includes(operator)) {
    throw reader.problem(token, `one of the operators ${known.join(', ')}`)
  }
  return operator
}

const secondWord = (reader: Reader, word: string): string => (reader.word(word) ? ` ${word}` : '')

const nullWord = (reader: Reader): string => secondWord(reader, 'NOT') + secondWord(reader, 'NULL')

function readLiteral(reader: Reader, field: KeyField, operator: Operator): number | string | readonly string[] {
  if (operator === 'IN' || operator === 'NOT IN') return readList(reader)
  if (field.type === 'number' || field.numeric?.includes(operator)) return readNumber(reader, field)
  const token = reader.peek()
  const text = readText(reader)
  if (operator !== 'LIKE' && operator !== 'ILIKE' && operator !== 'RLIKE') return text
  if (text.length > patternMax) throw reader.problem(token, `a pattern of at most ${patternMax} characters`)
  if (operator === 'RLIKE') re2Regex(text)
  return text
}

function readNumber(reader: Reader, field: KeyField): number {
  const token = reader.next()
  const quoted = field.quotedNumber === true && /^\d{1,15}$/.test(token.quoted?.text ?? '')
  const value = quoted ? Number(token.quoted!.text) : token.kind === 'number' ? Number(token.raw) : Number.NaN
  if (!Number.isFinite(value)) throw reader.problem(token, 'a finite number without quotes, for example 0.9 or -1e-3')
  return value
}

function readText(reader: Reader): string {
  const token = reader.next()
  if (token.quoted === undefined || token.quoted.quote === '`') {
    throw reader.problem(token, `a text in quotes, for example 'a text'`)
  }
  return token.quoted.text
}

/** A comma after the last one is allowed: Python prints a tuple of one so. */
function readList(reader: Reader): readonly string[] {
  if (!reader.symbol('(')) throw reader.problem(reader.peek(), `a list of texts, for example ('a', 'b')`)
  const texts = [readText(reader)]
  while (!reader.symbol(')')) {
    if (!reader.symbol(',')) throw reader.problem(reader.peek(), 'a comma or a closing )')
    if (reader.symbol(')')) break
    texts.push(readText(reader))
  }
  return texts
}
