import { invalid, type TrainyardError } from '#kernel/error.ts'

/**
 * The one form of an artifact's path, relative to the root of all artifacts or to a run's. Clients and proxies encode
 * names once or several times, so it is decoded until nothing changes, and every stage is held against the rules: no
 * absolute path, no `..`, no backslash, no drive, no `#`, no control character. Repeated slashes and `.` are left out.
 * A path in this form stays as it is. Empty: the root itself. Throws `invalid` "Invalid path".
 *
 * What further decoding yields of control characters stays encoded (`%17`) and line breaks go, as MLflow's clients do
 * with the names in a listing: names of logged images hold `%` before digits.
 */
export function artifactPath(text: string): string {
  check(text)
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  if (/[\0-\x1f\x7f]/.test(text)) throw invalidPath(text, 'no control characters')
  const path = decoded(text)
    .split('/')
    .filter(segment => segment !== '' && segment !== '.')
    .join('/')
  if (Buffer.byteLength(path) > pathBytesMax) throw invalidPath(path, `at most ${pathBytesMax} bytes`)
  return path
}

/** The same for a path that must name something below the root. */
export function filePath(text: string): string {
  const path = artifactPath(text)
  if (path === '') throw invalidPath(text, 'a path below the root')
  return path
}

/** A directory and a path below it; the root is empty. */
export const below = (directory: string, path: string): string =>
  directory === '' ? path : path === '' ? directory : `${directory}/${path}`

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** The directories above a path, the outermost first, without the root. */
export function ancestorsOf(path: string): readonly string[] {
  const segments = path.split('/')
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'))
}

const pathBytesMax = 1_024
const roundsMax = 10

function decoded(text: string): string {
  let path = text
  for (let round = 0; round < roundsMax; round++) {
    const bare = path
      .replaceAll(/(?:%[0-9a-f]{2})+/gi, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
      .replaceAll(/[\t\n\r]/g, '')
    check(bare)
    const next = escapeControls(bare)
    if (next === path) return path
    path = next
  }
  throw invalidPath(text, `encoded at most ${roundsMax} times`)
}

const escapeControls = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- they are what is escaped
  text.replaceAll(/[\0-\x1f\x7f]/g, char => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** What one stage of decoding may not show. After `;` come parameters to some servers: `..;x` is `..` to them. */
function check(path: string): void {
  if (!path.isWellFormed()) throw invalidPath(path, 'well-formed text')
  if (/[#\\]/.test(path)) throw invalidPath(path, 'no # and no backslash')
  if (path.startsWith('/') || /(^|\/)[a-z]:(\/|$)/i.test(path) || /^file:/i.test(path))
    throw invalidPath(path, 'a relative path')
  if (path.split('/').some(segment => segment.split(';')[0]!.trim() === '..')) throw invalidPath(path, 'no .. segment')
}

const invalidPath = (value: string, allowed: string): TrainyardError =>
  invalid('Invalid path', [{ field: 'path', value: value.toWellFormed(), allowed }])
