/** The words of a file of SQL. */

export interface Token {
  readonly kind: 'name' | 'quoted' | 'number' | 'text' | 'sign' | 'end'
  /** A name as it is written; a text or a quoted name without its quotes. */
  readonly text: string
  /** Counted from 1. */
  readonly line: number
}

/** What is wrong with a file, and where. */
export class SyntaxProblem extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

const pattern =
  /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|(?<name>[\p{L}_][\p{L}\p{N}_$]*)|"(?<quoted>(?:[^"]|"")+)"|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|'(?<text>(?:[^']|'')*)'|(?<sign>::|\|\||<>|!=|<=|>=|\/\/|[-+*/%=<>(),.;])/uy

/** Throws `SyntaxProblem` at what belongs to no expression. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  for (pattern.lastIndex = 0; pattern.lastIndex < sql.length;) {
    const at = pattern.lastIndex
    const found = pattern.exec(sql)
    if (!found) throw new SyntaxProblem(line, `${JSON.stringify(sql.slice(at, at + 1))} has no place in an expression`)
    for (const kind of ['name', 'quoted', 'number', 'text', 'sign'] as const) {
      const text = found.groups?.[kind]
      if (text !== undefined) tokens.push({ kind, text: plain(kind, text), line })
    }
    line += found[0].split('\n').length - 1
  }
  tokens.push({ kind: 'end', text: 'the end', line })
  return tokens
}

const plain = (kind: Token['kind'], text: string): string =>
  kind === 'quoted' ? text.replaceAll('""', '"') : kind === 'text' ? text.replaceAll("''", "'") : text
