import { oneOf } from '#kernel/nearest.ts'
import type { Path } from './path.ts'

/** Notes one problem of a file: where, what is there, what is allowed. */
export type Report = (path: Path, value: unknown, allowed: string) => void

/** Reports a name that the section does not declare. Answers whether it does. */
export function declared(section: object, value: unknown, path: Path, report: Report): boolean {
  const known = typeof value === 'string' && Object.hasOwn(section, value)
  if (!known) report(path, value, oneOf(value, Object.keys(section)))
  return known
}
