import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { besideCode, builtAt, packageRoot } from '#kernel/place.ts'
import { invalid } from '#kernel/error.ts'
import { readTree, type Blobs } from '#storage'
import { BundleManifest, manifestFile, modelFile } from './bundle.ts'
import { requestedOf } from './requested.ts'
import { contractOf, typescriptTypes } from './contract.ts'
import type { Revision } from './deployment.ts'
import type { RouteLog } from './routes-file.ts'
import { tarGz, zip, type ArchivedFile } from './archive.ts'
import type { Copy } from './server/embedded/copy.ts'

export const packageKinds = ['npm', 'wheel'] as const
export type PackageKind = (typeof packageKinds)[number]

export interface EmbeddedPackage {
  /** Of the file. */
  readonly name: string
  readonly bytes: Buffer
}

export interface PackageRequest {
  readonly kind: PackageKind
  readonly revision: Pick<Revision, 'id' | 'number' | 'deployment' | 'version' | 'bundle'>
  /** What is written down of the deployment's predictions. */
  readonly log: RouteLog
}

/**
 * A revision as a package for other programs: the model, its signature and rules, its serving code, and a program that
 * answers as the model server does and tells it of its predictions. Throws `invalid` for a revision that cannot run there.
 */
export async function embeddedPackage(blobs: Blobs, request: PackageRequest): Promise<EmbeddedPackage> {
  const { kind, revision, log } = request
  const tree = await readTree(blobs, revision.bundle)
  const bytesOf = async (path: string): Promise<Buffer> => blobs.bytes(tree[path]!.digest)
  const manifest = BundleManifest.parse(JSON.parse((await bytesOf(manifestFile)).toString()))
  requireEmbeddable(request, manifest)
  const model = await bytesOf(modelFile)
  const code = Object.keys(tree).filter(path => path !== manifestFile && path !== modelFile)
  const copy: Copy = {
    deployment: revision.deployment,
    revision: revision.id,
    number: revision.number,
    version: revision.version,
    model: hash('sha256', model),
    ...(manifest.serving !== undefined && { code: asJavaScript(manifest.serving) }),
    log: { oneIn: 1, leaveOut: [...log.leaveOut], redact: [] },
  }
  const files: ArchivedFile[] = [
    text('copy.json', json(copy)),
    text('bundle.json', json(manifest)),
    { path: 'model.onnx', bytes: model },
  ]
  if (kind === 'wheel') return wheel(copy, [...files, text('requested.json', json(computedOf(manifest)))])
  for (const path of code) files.push(await codeFile(path, await bytesOf(path)))
  return npm(copy, manifest, files)
}

function requireEmbeddable({ kind, revision }: PackageRequest, { runtime, serving }: BundleManifest): void {
  const which = `Revision ${revision.number} of ${revision.deployment}`
  if (runtime.kind !== 'onnx')
    throw invalid(`${which} cannot be embedded.`, [
      { field: 'runtime', value: runtime.kind, allowed: 'onnx: what needs a Python of its own is asked at the server' },
    ])
  if (kind === 'wheel' && serving !== undefined)
    throw invalid(`${which} cannot be a wheel.`, [
      { field: 'as', value: kind, allowed: `npm: its serving code, ${serving}, is JavaScript` },
    ])
}

const text = (path: string, content: string): ArchivedFile => ({ path, bytes: Buffer.from(content) })
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const typed = /\.([cm]?)ts$/
const asJavaScript = (path: string): string => path.replace(typed, '.$1js')
/** Of neighbours, in imports and exports. */
const specifiers = /((?:from|import)\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\2/g

/** Node.js takes no TypeScript from packages. */
async function codeFile(path: string, bytes: Buffer): Promise<ArchivedFile> {
  if (!typed.test(path)) return { path, bytes }
  const plain = stripTypeScriptTypes(bytes.toString())
  return text(
    asJavaScript(path),
    plain.replaceAll(
      specifiers,
      (_, start: string, quote: string, target: string) => `${start}${quote}${asJavaScript(target)}${quote}`,
    ),
  )
}

async function npm(copy: Copy, manifest: BundleManifest, files: readonly ArchivedFile[]): Promise<EmbeddedPackage> {
  const { deployment, number } = copy
  const own = JSON.parse(await readFile(new URL('package.json', packageRoot), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const about = {
    name: deployment,
    version: `${number}.0.0`,
    description: aboutOf(copy),
    type: 'module',
    engines: { node: '>=20' },
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    dependencies: { 'onnxruntime-node': own.dependencies['onnxruntime-node'] },
  }
  const types = typescriptTypes(contractOf(manifest, false))
  const all = [
    text('package.json', json(about)),
    { path: 'index.js', bytes: await readFile(builtAt('embedded/index.js')) },
    text('index.d.ts', `${types}\n${declarations}`),
    ...files,
  ]
  return {
    name: `${deployment}-${number}.0.0.tgz`,
    bytes: tarGz(all.map(({ path, bytes }) => ({ path: `package/${path}`, bytes }))),
  }
}

const aboutOf = ({ deployment, number }: Copy): string =>
  `Revision ${number} of the deployment ${deployment}, embedded.`

const declarations = `export interface OpenOptions {
  /** \`false\` is nowhere. TRAINYARD_TELEMETRY_URL and TRAINYARD_TELEMETRY_TOKEN when left out. */
  readonly telemetry?:
    | false
    | { readonly url: string; readonly token?: string; readonly folder?: string; readonly bytesMax?: number }
}

export interface EmbeddedModel {
  readonly deployment: string
  readonly revision: string
  readonly number: number
  predict(rows: readonly (Row & { readonly [column: string]: unknown })[]): Promise<{
    readonly predictions: readonly Prediction[]
    readonly prediction_ids: readonly string[]
    readonly filled: readonly string[]
  }>
  telemetry(): { readonly sent: number; readonly refused: number; readonly dropped: number; readonly error?: string }
  close(): Promise<void>
}

export declare function open(options?: OpenOptions): Promise<EmbeddedModel>
`

/** What is computed of requests, read for a program that has no reader of SQL; null when nothing is. */
function computedOf(manifest: BundleManifest): object | null {
  const requested = requestedOf(manifest)
  if (!requested) return null
  const { plan, asked } = requested
  const features = plan.features.map(({ name, view, needs, expression }) => ({ name, view, needs, expression }))
  return { inputs: asked.signature.inputs, columns: plan.columns, reads: plan.reads, features }
}

const modules = ['__init__', 'features', 'model', 'signature', 'telemetry'] as const

async function wheel(copy: Copy, files: readonly ArchivedFile[]): Promise<EmbeddedPackage> {
  const { deployment, number } = copy
  const name = deployment.replaceAll('-', '_')
  const code = await Promise.all(
    modules.map(async module => ({
      path: `${module}.py`,
      bytes: await readFile(new URL(`serving/server/embedded/python/${module}.py`, besideCode(''))),
    })),
  )
  const info = `${name}-${number}.dist-info`
  const about = [
    'Metadata-Version: 2.1',
    `Name: ${deployment}`,
    `Version: ${number}`,
    `Summary: ${aboutOf(copy)}`,
    'Requires-Python: >=3.9',
    'Requires-Dist: numpy',
    'Requires-Dist: onnxruntime>=1.17',
  ]
  const kind = ['Wheel-Version: 1.0', 'Generator: trainyard', 'Root-Is-Purelib: true', 'Tag: py3-none-any']
  const all = [
    ...[...code, ...files].map(({ path, bytes }) => ({ path: `${name}/${path}`, bytes })),
    text(`${info}/METADATA`, `${about.join('\n')}\n`),
    text(`${info}/WHEEL`, `${kind.join('\n')}\n`),
  ]
  const record = all.map(({ path, bytes }) => `${path},sha256=${hash('sha256', bytes, 'base64url')},${bytes.length}`)
  return {
    name: `${name}-${number}-py3-none-any.whl`,
    bytes: zip([...all, text(`${info}/RECORD`, `${record.join('\n')}\n${info}/RECORD,,\n`)]),
  }
}
