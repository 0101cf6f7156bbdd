import { TrainyardError } from '#kernel/error.ts'

/** Where a client says that a version's files are, checked as far as the text goes [MLflow: REST API]. */
export type Source =
  | { readonly kind: 'logged_model'; readonly id: string }
  /** Another version: `models:/name/3`, `models:/name/Production`, `models:/name@alias`. */
  | { readonly kind: 'version'; readonly name: string; readonly which: { alias: string } | { version: string } }
  | { readonly kind: 'run'; readonly id: string; readonly path: string }
  /** A path of our artifact proxy. */
  | { readonly kind: 'proxied'; readonly path: string }
  /** Elsewhere: the server never fetches it. */
  | { readonly kind: 'remote' }

/** What MLflow's clients send for prompts, which have no files. */
const promptSources: readonly string[] = ['dummy-source', 'prompt-template']
const decodingsMax = 10
const sourceMax = 2_048

/** Throws `invalid` in MLflow's words for paths of a machine, and for paths that climb. */
export function parseSource(source: string): Source {
  if (source === '') throw new TrainyardError('invalid', "Missing value for required parameter 'source'.")
  if (source.length > sourceMax) throw refused(source, `It has more than ${sourceMax} characters.`)
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase()
  if (scheme === undefined || scheme === 'file' || source.startsWith('\\'))
    throw refused(
      source,
      'To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.',
    )
  requirePlain(source)
  const rest = source.slice(scheme.length + 1)
  if (scheme === 'models') return parseModelUri(source, rest)
  if (scheme === 'runs') return parseRunUri(source, rest)
  if (scheme === 'mlflow-artifacts') {
    const path = rest.replace(/^\/+/, '')
    if (/^\/\/[^/]/.test(rest) || path === '') throw notContained(source)
    return { kind: 'proxied', path: path.replaceAll(/\/+/g, '/').replace(/\/$/, '') }
  }
  if (/^https?:.*\/mlflow-artifacts\/artifacts(\/|$)/i.test(decoded(source) ?? source)) throw notContained(source)
  return { kind: 'remote' }
}

export function requirePromptSource(source: string): void {
  if (!promptSources.includes(source))
    throw refused(source, 'Invalid prompt source: Prompt sources must use an MLflow placeholder.')
}

export const refused = (source: string, why: string): TrainyardError =>
  new TrainyardError('invalid', `Invalid model version source: '${source.slice(0, sourceMax)}'. ${why}`, {
    problems: [{ field: 'source', value: source.slice(0, sourceMax), allowed: why }],
  })

export const notContained = (source: string): TrainyardError =>
  refused(source, 'The run_id or model_id request parameter must identify the resource that contains the source.')

/** No `..` in any decoding, no backslash, no control character. */
function requirePlain(source: string): void {
  const text = decoded(source)
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  const isPlain = text !== undefined && !/[\u0000-\u001f\u007f\\]/.test(text) && !text.split(/[/?#;=&]/).includes('..')
  if (isPlain) return
  throw refused(
    source,
    'If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.',
  )
}

/** Percent-decoded until nothing changes; undefined if that takes too long, or it is malformed. */
function decoded(text: string): string | undefined {
  let before = text
  for (let round = 0; round < decodingsMax; round++) {
    const after = decodeOnce(before)
    if (after === before) return after
    before = after
  }
  return undefined
}

/** Malformed escapes stand for themselves, as in Python's `unquote`. */
const decodeOnce = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, escapes => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString())

function parseRunUri(source: string, rest: string): Source {
  const match = /^\/([\w-]{1,256})\/(.+)$/.exec(rest)
  if (!match) throw notContained(source)
  return { kind: 'run', id: match[1]!, path: match[2]! }
}

function parseModelUri(source: string, rest: string): Source {
  const text = /^\/([^/].*)$/.exec(rest)?.[1]
  const model = text === undefined ? undefined : /^m-[0-9a-zA-Z-]+$/.exec(text)?.[0]
  if (model !== undefined) return { kind: 'logged_model', id: model }
  const byAlias = /^([^/@]+)@([\w-]+)$/.exec(text ?? '')
  if (byAlias) return { kind: 'version', name: decodeOnce(byAlias[1]!), which: { alias: byAlias[2]! } }
  const byVersion = /^([^/]+)\/([^/]+)$/.exec(text ?? '')
  if (byVersion) return { kind: 'version', name: decodeOnce(byVersion[1]!), which: { version: byVersion[2]! } }
  throw notContained(source)
}
