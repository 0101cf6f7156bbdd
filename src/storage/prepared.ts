const names = new Map<string, string>()

/**
 * The same text, which PostgreSQL from now on parses and plans once for each connection. For statements of the code that
 * run all the time and have one best plan whatever the values: to plan one of several parts takes longer than to run it.
 */
export function prepared(text: string): string {
  if (!names.has(text)) names.set(text, `trainyard_${names.size + 1}`)
  return text
}

/** The name under which a connection keeps the statement, when it is one of those. */
export const preparedName = (text: string): string | undefined => names.get(text)
