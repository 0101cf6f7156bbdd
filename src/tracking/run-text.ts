/** Values that clients log as text are cut to what is kept, as MLflow's servers do. In UTF-16 units. */

export const paramCharactersMax = 6_000
export const tagCharactersMax = 8_000

/** The text, cut before `most` units, never through a character. NUL, which no database takes, is left out. */
export function cut(text: string, most: number): string {
  const plain = text.includes('\0') ? text.replaceAll('\0', '') : text
  return plain.length <= most
    ? plain
    : plain
        .slice(0, most)
        .toWellFormed()
        .replace(/\uFFFD$/, '')
}
