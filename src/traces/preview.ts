const charactersMax = 1000

/** The beginning of what a request asked or was answered: of a conversation, the last message of that role. */
export function preview(value: unknown, role: 'user' | 'assistant'): string | undefined {
  if (value === undefined || value === null) return undefined
  const given = typeof value === 'string' ? (parsed(value) ?? value) : value
  const text = messageText(given, role) ?? (typeof value === 'string' ? value : JSON.stringify(given))
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 3).toWellFormed()}...`
}

interface Message {
  readonly role?: unknown
  readonly content?: unknown
}

function messageText(value: unknown, role: string): string | undefined {
  const { messages, choices } = (value ?? {}) as { messages?: unknown; choices?: unknown }
  const chosen = Array.isArray(choices) ? [(choices[0] as { message?: unknown } | undefined)?.message] : []
  const all = (Array.isArray(messages) ? messages : chosen).filter(isMessage)
  const last = all.findLast(message => message.role === role) ?? all.at(-1)
  if (typeof last?.content === 'string') return last.content
  const part = Array.isArray(last?.content)
    ? (last.content as { type?: unknown; text?: unknown }[]).findLast(each => each?.type === 'text')
    : undefined
  return typeof part?.text === 'string' ? part.text : undefined
}

const isMessage = (value: unknown): value is Message => value !== null && typeof value === 'object' && 'role' in value

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
