import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlias, isMap, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { invalid, notFound, TrainyardError, type Problem } from '#kernel/error.ts'
import { evaluateModule } from './evaluate.ts'
import { parseProjectFile } from './parse.ts'

const typescript = 'trainyard.ts'
const yaml = 'trainyard.yaml'
const bytesMax = 1024 * 1024

/**
 * The project file of a folder as plain JSON, checked: `trainyard.ts` is evaluated in a process of its own,
 * `trainyard.yaml` is read. Throws `not_found` when there is neither, `invalid` when there are both or when the file has
 * a problem, with its line.
 */
export async function loadProjectFolder(folder: string): Promise<unknown> {
  const [hasTypescript, hasYaml] = await Promise.all([typescript, yaml].map(name => isFile(join(folder, name))))
  if (hasTypescript && hasYaml)
    throw invalid('The folder has two project files.', [
      { field: folder, allowed: `${typescript} or ${yaml}, not both` },
    ])
  if (hasYaml) return loadYaml(join(folder, yaml))
  if (!hasTypescript) throw notFound('project file', join(folder, `${typescript} or ${yaml}`))
  const json = await evaluateModule(join(folder, typescript))
  parseProjectFile(json)
  return json
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isFile() ?? false

async function loadYaml(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  if (text.length > bytesMax)
    throw invalid('The project file is too large.', [{ field: yaml, allowed: `${bytesMax >> 20} MiB at most` }])
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${yaml}:${line}:${col}`
  }
  if (document.errors.length > 0) {
    throw invalid(
      'The project file is no YAML.',
      document.errors.map(error => ({ field: place(error.pos[0]), allowed: error.message })),
    )
  }
  const json = document.toJS({ maxAliasCount: 100 }) as unknown
  try {
    parseProjectFile(json)
  } catch (error) {
    throw withLines(error, field => offsetOf(document, field), place)
  }
  return json
}

/** The same error, each problem with the line of its field or of the nearest thing around it. */
function withLines(
  error: unknown,
  offset: (field: string) => number | undefined,
  place: (offset: number) => string,
): unknown {
  if (!(error instanceof TrainyardError) || !Array.isArray(error.detail['problems'])) return error
  const problems = (error.detail['problems'] as Problem[]).map(problem => {
    const at = offset(problem.field)
    return at === undefined ? problem : { ...problem, field: `${place(at)} ${problem.field}` }
  })
  return invalid(error.message.split('\n')[0]!, problems)
}

function offsetOf(document: Document, field: string): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const part of partsOf(field)) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(item => String(item.key) === part)
      if (!pair) return offset
      offset = (pair.key as { range?: [number, number, number] }).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset
    } else return offset
  }
  return offset
}

/** `a.b[0]["c d"]` as its keys; the reverse of showPath. */
const partsOf = (field: string): string[] =>
  [...field.matchAll(/\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([\w-]+)/g)].map(([, quoted, index, word]) =>
    quoted ? (JSON.parse(quoted) as string) : (index ?? word!),
  )
