import { invalid } from '#kernel/error.ts'
import { textMax } from './filter.ts'
import { allowedKeys, findField, type KeyField, type Language } from './language.ts'
import { tokenise, type Token } from './token.ts'

/** A key that the language knows, canonical, and the token at which it begins. */
export interface Identifier {
  readonly entity: string
  readonly key: string
  readonly field: KeyField
  readonly token: Token
}

/** Walks over the tokens of one text. */
export interface Reader {
  peek(): Token
  next(): Token
  /** Takes the next token if it is that word, in any case. */
  word(text: string): boolean
  /** Takes the next token if it is that symbol. */
  symbol(text: string): boolean
  identifier(language: Language): Identifier
  /** Throws unless everything is read. */
  end(allowed: string): void
  /** The error that says: here stands this, and that is allowed. */
  problem(token: Token, allowed: string): Error
}

/** `what` is searched, `field` is the name of the text in the request. Throws `invalid` if the text is too long. */
export function createReader(text: string, { what, field }: { what: string; field: string }): Reader {
  if (text.length > textMax) {
    throw invalid(`The ${field} on ${what} is too long.`, [
      { field, value: `${text.length} characters`, allowed: `at most ${textMax}` },
    ])
  }
  const tokens = tokenise(text)
  let position = 0
  const peek = (): Token => tokens[position]!

  const problem = (token: Token, allowed: string): Error =>
    invalid(`Invalid ${field} on ${what} at character ${token.at + 1}.`, [
      { field, value: token.raw === '' ? 'the end' : token.raw, allowed: token.allowed ?? allowed },
    ])

  function next(): Token {
    const token = peek()
    if (token.kind !== 'end' && token.kind !== 'wrong') position++
    return token
  }

  const takeIf = (condition: boolean): boolean => {
    if (condition) position++
    return condition
  }

  /** Entity (undefined if there is none) and key as they are written. */
  function written(token: Token, language: Language): { entity: string | undefined; key: string } {
    if (token.quoted !== undefined && token.quoted.quote !== "'") return { entity: undefined, key: token.quoted.text }
    if (token.kind !== 'word') throw problem(token, `a key of ${what}, for example \`attributes.name\``)
    const dot = token.raw.indexOf('.')
    const key = dot < 0 ? token.raw : token.raw.slice(dot + 1)
    const behind = peek()
    const adjacent = behind.quoted !== undefined && behind.at === token.end
    const entity = dot < 0 ? undefined : token.raw.slice(0, dot)
    if (entity !== undefined && adjacent && (key === '' || isPrefix(language, entity, key))) {
      next()
      return { entity, key: key + behind.quoted.text }
    }
    if (key === '' || adjacent)
      throw problem(behind, 'a key; one with other characters than letters, digits, _ . $ is quoted whole')
    return { entity, key }
  }

  function identifier(language: Language): Identifier {
    const token = next()
    const { entity: alias, key } = written(token, language)
    if (alias !== undefined && !Object.hasOwn(language.entities, alias)) {
      throw problem(token, `an entity of ${what} before the dot: one of ${Object.keys(language.entities).join(', ')}`)
    }
    const entity = alias === undefined ? language.bare : language.entities[alias]!
    const found = findField(language, entity, key)
    if (found === undefined) {
      const prefixes = Object.keys(language.entities).map(name => `${name}.`)
      const hint = alias === undefined && prefixes.length > 0 ? `, or a key behind ${prefixes.join(' ')}` : ''
      throw problem(token, `${allowedKeys(language, entity, () => true)}${hint}`)
    }
    return { entity, key: found.key ?? key, field: found, token }
  }

  return {
    peek,
    next,
    word: word => takeIf(isWord(peek(), word)),
    symbol: symbol => takeIf(peek().kind === 'symbol' && peek().raw === symbol),
    identifier,
    end(allowed) {
      if (peek().kind !== 'end') throw problem(peek(), allowed)
    },
    problem,
  }
}

/** Whether any key may follow: `attributes.` of `span.attributes.<name>`. */
function isPrefix(language: Language, alias: string, key: string): boolean {
  const fields = language.fields[language.entities[alias] ?? '']
  return fields !== undefined && 'keys' in fields && Object.hasOwn(fields.prefixes ?? {}, key)
}

const isWord = (token: Token, word: string): boolean => token.kind === 'word' && token.raw.toUpperCase() === word
