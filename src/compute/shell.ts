/** A word that a POSIX shell reads as this text and nothing else. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

export const shellCommand = (words: readonly string[]): string => words.map(shellWord).join(' ')
