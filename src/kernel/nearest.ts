/** The candidate that a mistyped word most likely meant, or undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const tolerance = Math.max(1, Math.floor(word.length / 3))
  const near = candidates
    .map(candidate => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= tolerance)
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.candidate
}

/** `one of a, b, c; did you mean b?` */
export function oneOf(word: unknown, candidates: readonly string[]): string {
  if (candidates.length === 0) return 'nothing: none is declared'
  const meant = typeof word === 'string' ? nearest(word, candidates) : undefined
  return `one of ${candidates.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`
}

/** Insertions, deletions, replacements and swaps of neighbours [optimal string alignment]. Words are short; long ones are cut. */
function editDistance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)]
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (same ? 0 : 1),
        swapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      )
    }
    rows.push(row)
  }
  return rows[from.length]![to.length]!
}
