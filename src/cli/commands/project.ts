import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digestOf } from '#kernel/digest.ts'
import { conflict, invalid } from '#kernel/error.ts'
import { loadProjectFolder } from '#project'
import { putTree, type Blobs } from '#storage'
import type { Client } from '../client.ts'
import { packageRoot } from '#kernel/place.ts'
import { verb } from '../command.ts'
import { workingTree } from '../working-tree.ts'

const templates = ['rain', 'rain-python'] as const

const examples = fileURLToPath(new URL('examples/', packageRoot))

export const initVerb = verb(
  'init <folder>',
  'Make a new project from a template.',
  command => command.option('--template <name>', `one of ${templates.join(', ')}`, templates[0]),
  async ({ output, folder }, { template }, [name]) => {
    const target = resolve(folder, name!)
    if (!templates.includes(template))
      throw invalid('There is no such template.', [
        { field: '--template', value: template, allowed: templates.join(', ') },
      ])
    if (existsSync(target) && readdirSync(target).length > 0)
      throw conflict(`${target} exists and is not empty.`, { folder: target })
    const project = basename(target)
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(project)) {
      throw invalid('The folder names the project.', [
        { field: 'folder', value: project, allowed: 'lower-case letters, digits and dashes, starting with a letter' },
      ])
    }
    cpSync(join(examples, template), target, { recursive: true, filter: path => basename(path) !== 'node_modules' })
    rename(target, template, project)
    output.result({ project, folder: target }, () => [
      `Made project ${project} in ${target}. Next:`,
      `  cd ${name}`,
      '  trainyard dev',
    ])
  },
)

/** The name stands in the project file and in what is deployed: names of deployments are unique on a platform. */
function rename(folder: string, from: string, to: string): void {
  const file = projectFile(folder)
  const text = readFileSync(file, 'utf8')
  const renamed = text
    .replace(`name: '${from}'`, `name: '${to}'`)
    .replace(new RegExp(`^name: ${from}$`, 'm'), `name: ${to}`)
    .replace(new RegExp(`deployments: \\{ ${from}:`), `deployments: { '${to}':`)
    .replace(new RegExp(`(^deployments:\\n  )${from}:`, 'm'), `$1${to}:`)
  writeFileSync(file, renamed)
}

function projectFile(folder: string): string {
  const file = ['trainyard.ts', 'trainyard.yaml', 'trainyard.yml'].map(name => join(folder, name)).find(existsSync)
  if (!file)
    throw invalid('There is no project file.', [
      { field: folder, allowed: 'a folder with trainyard.ts or trainyard.yaml' },
    ])
  return file
}

interface Change {
  action: 'add' | 'change' | 'remove'
  path: string
  before?: unknown
  after?: unknown
}

export const planVerb = verb(
  'plan [folder]',
  'Show what `apply` would change.',
  command => command,
  async ({ client, output, folder }, _, [where = '.']) => {
    const { spec, code } = await snapshot(client, resolve(folder, where))
    const path = `/api/v1/projects/${nameOf(spec)}/plan`
    const answer = await client.send<Planned>('POST', path, { spec, code })
    output.result(answer, () => [...changeLines(answer.changes), ...warningLines(answer)])
  },
)

export const applyVerb = verb(
  'apply [folder]',
  'Make the platform do what the project file says.',
  command => command,
  async ({ client, output, folder }, _, [where = '.']) => {
    const answer = await applyFolder(client, resolve(folder, where))
    output.result(answer, () => [
      ...changeLines(answer.changes),
      ...warningLines(answer),
      `Project ${answer.revision.project} is at revision ${answer.revision.number}.`,
    ])
  },
)

interface Planned {
  changes: Change[]
  warnings: string[]
}

const warningLines = ({ warnings }: Planned): string[] => warnings.map(warning => `! ${warning}`)

interface Applied extends Planned {
  revision: { project: string; number: number; id: string }
}

/** Sends the folder's project file and code; the platform takes both or neither. */
export async function applyFolder(
  client: Client,
  folder: string,
  altered: (spec: unknown) => unknown = spec => spec,
): Promise<Applied> {
  const { spec: declared, code } = await snapshot(client, folder)
  const spec = altered(declared)
  const base = await baseOf(client, folder)
  return client.send('PUT', `/api/v1/projects/${nameOf(spec)}`, { spec, code, ...(base && { base }) })
}

/** The commit that the folder stands on, and how it differs: a run of what was never committed can be told all the same. */
async function baseOf(client: Client, folder: string): Promise<{ commit: string; diff?: string } | undefined> {
  const tree = await workingTree(folder)
  if (!tree) return undefined
  const { commit, diff } = tree
  return diff === '' ? { commit } : { commit, diff: (await remoteBlobs(client).put(Buffer.from(diff))).digest }
}

async function snapshot(client: Client, folder: string): Promise<{ spec: unknown; code: string }> {
  projectFile(folder)
  const spec = await loadProjectFolder(folder)
  return { spec, code: await putTree(remoteBlobs(client), folder) }
}

function nameOf(spec: unknown): string {
  const name = (spec as { name?: unknown } | null)?.name
  if (typeof name !== 'string')
    throw invalid('The project file names no project.', [{ field: 'name', value: name, allowed: 'a text' }])
  return encodeURIComponent(name)
}

/** Blobs on the other side of the API: sends only bytes that are not there yet. */
function remoteBlobs(client: Client): Pick<Blobs, 'put' | 'putFile'> {
  const put = async (bytes: Buffer): ReturnType<Blobs['put']> => {
    const digest = digestOf(bytes)
    const { missing } = await client.send<{ missing: string[] }>('POST', '/api/v1/blobs/missing', { digests: [digest] })
    if (missing.length > 0) await client.upload(`/api/v1/blobs/${digest}`, new Blob([new Uint8Array(bytes)]))
    return { digest, size: bytes.length }
  }
  return { put: bytes => put(Buffer.from(bytes as Uint8Array)), putFile: async path => put(await readFile(path)) }
}

const marks = { add: '+', change: '~', remove: '-' } as const

export const changeLines = (changes: readonly Change[]): readonly string[] =>
  changes.length === 0
    ? ['Nothing to change.']
    : changes.map(
        ({ action, path, before, after }) =>
          `${marks[action]} ${path}${action === 'change' ? `: ${short(before)} → ${short(after)}` : action === 'add' ? `: ${short(after)}` : ''}`,
      )

const short = (value: unknown): string => {
  const text = JSON.stringify(value) ?? ''
  return text.length > 70 ? `${text.slice(0, 69)}…` : text
}
