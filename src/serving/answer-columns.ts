/** How answers become columns of a table: DuckDB's own guess would make dates of texts that look like some. */

/** From the narrowest on: a column that has both is of the later one. */
const widths = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR']

/** The type of each column, after these answers and those that `known` is of. */
export function columnTypes(
  answers: readonly Readonly<Record<string, unknown>>[],
  known: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const types: Record<string, string> = { ...known }
  for (const answer of answers)
    for (const [name, value] of Object.entries(answer)) types[name] = wider(types[name], typeOf(value))
  return types
}

/** A missing value says nothing: of a column that has no other it is the narrowest. */
function typeOf(value: unknown): string {
  if (Array.isArray(value)) return `${value.map(typeOf).reduce(wider, 'BOOLEAN')}[]`
  if (typeof value === 'number') return Number.isInteger(value) ? 'BIGINT' : 'DOUBLE'
  return typeof value === 'string' ? 'VARCHAR' : 'BOOLEAN'
}

function wider(one: string | undefined, other: string): string {
  if (one === undefined || one === other) return other
  const [left, right] = [one, other].map(type => type.endsWith('[]'))
  if (left && right) return `${wider(one.slice(0, -2), other.slice(0, -2))}[]`
  if (left !== right) return left && other === 'BOOLEAN' ? one : right && one === 'BOOLEAN' ? other : 'VARCHAR'
  return widths.indexOf(one) > widths.indexOf(other) ? one : other
}
