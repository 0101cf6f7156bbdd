import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { Option } from 'commander'
import { counted } from '#kernel/counted.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { Client } from '../client.ts'
import { group, verb, type Context, type Verb } from '../command.ts'
import { followRun } from '../follow-run.ts'
import { table } from '../output.ts'
import { projectOption } from '../project-option.ts'
import { chosenModel, versionOf } from '../registered-model.ts'
import { trainedIn, type TrainedIn } from '../trained-in.ts'

interface Version {
  readonly id: string
  readonly fullName: string
  readonly project: string
  readonly model: string
  readonly version: number
  readonly stage: string
  readonly digest?: string
  readonly bytes?: number
  readonly commit?: string
  readonly environment?: string
  readonly trainingSet?: string
  readonly trackingRun?: string
  readonly createdAt: number
  readonly evaluation?: { metric: string; metrics: Record<string, number>; rows: number; gate: { passed: boolean } }
  readonly [field: string]: unknown
}

const byNumber = async (
  client: Client,
  options: Record<string, unknown>,
  [name, ...numbers]: readonly string[],
): Promise<Version[]> => {
  const model = await chosenModel(client, name!, options['project'] as string | undefined)
  return Promise.all(numbers.map(number => versionOf<Version>(client, model, number)))
}

/** A verb about one version: `<model> <version>`, by its number or `@` and an alias. */
const aboutVersion = (
  name: string,
  summary: string,
  run: (
    version: Version,
    context: Pick<Context, 'client' | 'output' | 'folder' | 'signal'> & { options: Record<string, unknown> },
  ) => Promise<void>,
  describe: Parameters<typeof verb>[2] = command => command,
): Verb =>
  verb(
    `${name} <model> <version>`,
    summary,
    command => describe(projectOption(command)),
    async (context, options, args) => {
      const [version] = await byNumber(context.client, options, args)
      await run(version!, { ...context, options })
    },
  )

const path = ({ id }: Version, below: string): string => `/api/v1/model-versions/${id}/${below}`

const compareVerb = verb(
  'compare <model> <versions...>',
  'Versions of a model side by side: stage, gate, size, metrics, and the parameters and metrics of their runs.',
  projectOption,
  async ({ client, output }, options, args) => {
    const versions: Compared[] = []
    for (const version of await byNumber(client, options, args))
      versions.push({ ...version, trainedIn: await trainedIn(client, version) })
    const row = (label: string, cell: (version: Compared) => string): readonly string[] => [
      label,
      ...versions.map(cell),
    ]
    const rows = (label: string, of: (version: Compared) => Values | undefined): readonly (readonly string[])[] =>
      [...new Set(versions.flatMap(version => Object.keys(of(version) ?? {})))].map(name =>
        row(`${label}${name}`, version => short(of(version)?.[name])),
      )
    output.result(versions, () =>
      table(
        ['', ...versions.map(({ version }) => `version ${version}`)],
        [
          row('stage', ({ stage }) => stage),
          row('made', ({ createdAt }) => new Date(createdAt).toISOString().slice(0, 19)),
          row('bytes', ({ bytes }) => String(bytes ?? '')),
          row('gate', ({ evaluation }) => (evaluation ? (evaluation.gate.passed ? 'passed' : 'failed') : 'none')),
          ...rows('', ({ evaluation }) => evaluation && { 'test rows': evaluation.rows }),
          ...rows('', ({ evaluation }) => evaluation?.metrics),
          ...rows('run: ', version => version.trainedIn?.metrics),
          ...rows('param: ', version => version.trainedIn?.params),
          ...rows('data: ', version => version.trainedIn?.data),
        ],
      ),
    )
  },
)

interface Compared extends Version {
  readonly trainedIn: TrainedIn | undefined
}

type Values = Readonly<Record<string, string | number | null>>

function short(value: Values[string] | undefined): string {
  if (typeof value === 'string') return value
  if (value === null) return 'NaN'
  return value === undefined ? '' : String(Number(value.toPrecision(5)))
}

/** What two versions are by the record, without what only says that they are two. */
const ignored =
  /^(id|key|version|source|stage|transitions|aliases|createdAt|updatedAt|evaluation\.importance|evaluation\.gate|trackingRun|loggedModel|run$|user$)/

const diffVerb = verb(
  'diff <model> <version> <other>',
  'What differs between two versions: parameters, data, code, environment, signature, metrics.',
  projectOption,
  async ({ client, output }, options, args) => {
    const versions: Flat[] = []
    for (const version of await byNumber(client, options, args))
      versions.push(flat({ ...(await trainedIn(client, version)), ...version }))
    const [before, after] = versions as [Flat, Flat]
    const changes = [...new Set([...before.keys(), ...after.keys()])]
      .filter(name => !ignored.test(name) && before.get(name) !== after.get(name))
      .map(name => ({ field: name, before: before.get(name), after: after.get(name) }))
    output.result(changes, () =>
      changes.length === 0
        ? ['They do not differ.']
        : table(
            ['field', `version ${args[1]}`, `version ${args[2]}`],
            changes.map(change => [change.field, change.before ?? '', change.after ?? '']),
          ),
    )
  },
)

type Flat = ReadonlyMap<string, string>

const instants = /^(?:evaluation\.(?:from|to)|deletedAt)$/

function flat(value: unknown, path = ''): Flat {
  if (value === undefined) return new Map()
  if (instants.test(path)) return new Map([[path, new Date(value as number).toISOString()]])
  if (value === null || typeof value !== 'object')
    return new Map([[path, typeof value === 'string' ? value : JSON.stringify(value)]])
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [...flat(inner, path === '' ? key : `${path}.${key}`)]),
  )
}

const reproduceVerb = aboutVersion(
  'reproduce',
  'Train a version again from its record and compare what comes out.',
  async (version, { client, output, signal }) => {
    const { id } = await client.send<{ id: string }>('POST', path(version, 'reproductions'))
    output.note(`Run ${id} trains ${version.fullName} ${version.version} again.`)
    const run = await succeeded({ client, output, signal }, id)
    output.result(run, () => [
      `${version.fullName} ${version.version} is reproduced. Details: trainyard status ${run.id}`,
    ])
  },
)

/** Tells of a run until it has ended. Throws `gate_failed` with its words when that is no success. */
async function succeeded(context: Pick<Context, 'client' | 'output' | 'signal'>, id: string) {
  const run = await followRun(context, id)
  if (run.state !== 'succeeded') throw new TrainyardError('gate_failed', run.error ?? `Run ${id} was ${run.state}.`)
  return run
}

interface Tree {
  readonly items: readonly { readonly path: string; readonly digest: string; readonly size: number }[]
}

const exportVerb = aboutVersion(
  'export',
  'Write a version to a folder: its files, signature, public key, card, record and lineage.',
  async (version, { client, output, folder, options }) => {
    const target = resolve(folder, (options['to'] as string | undefined) ?? `${version.fullName}-${version.version}`)
    const { items } = await client.get<Tree>(path(version, 'files'))
    for (const { path: file, digest } of items) {
      const place = join(target, 'model', file)
      if (!place.startsWith(join(target, 'model'))) continue
      await mkdir(dirname(place), { recursive: true })
      await writeFile(
        place,
        Readable.fromWeb((await client.download(`/api/v1/blobs/${digest}?of=${version.id}`)) as never),
      )
    }
    const { bundle, publicKey } = await client.get<{ bundle: string; publicKey: string }>(path(version, 'signature'))
    const { markdown } = await client.get<{ markdown: string }>(path(version, 'card'))
    const lineage = await client.get(`/api/v1/lineage/${version.id}?direction=up`)
    const texts = {
      'model.sig': bundle,
      'public-key.pem': publicKey,
      'card.md': markdown,
      'version.json': JSON.stringify(version, null, 2),
      'lineage.json': JSON.stringify(lineage, null, 2),
    }
    for (const [name, text] of Object.entries(texts)) await writeFile(join(target, name), text)
    output.result({ folder: target, files: items.length }, () => [
      `${version.fullName} ${version.version}, ${counted(items.length, 'file')}, is in ${target}.`,
      `Verify: model_signing verify key ${join(target, 'model')} --signature ${join(target, 'model.sig')} --public_key ${join(target, 'public-key.pem')}`,
    ])
  },
  command => command.option('--to <folder>', 'the folder; by default the name of the version'),
)

const embedVerb = aboutVersion(
  'embed',
  'Write a version as a package for other programs, which tells of its predictions as a deployment of its own.',
  async (version, { client, output, folder, options, signal }) => {
    const { as: kind, reason, to = '.' } = options as { as: string; reason: string; to?: string }
    const deployment = (options['deployment'] as string | undefined) ?? `${version.model}-embedded`
    const { project } = version
    const { run } = await client.send<{ run?: string }>(
      'POST',
      `/api/v1/projects/${project}/deployments/${encodeURIComponent(deployment)}/releases`,
      { version: version.id, reason, weight: 100 },
    )
    if (run !== undefined) {
      output.note(`Run ${run} releases ${version.fullName} ${version.version} as ${deployment}.`)
      await succeeded({ client, output, signal }, run)
    }
    const { name, bytes } = await client.attachment(
      `/api/v1/deployments/${encodeURIComponent(deployment)}/package?as=${encodeURIComponent(kind)}`,
    )
    const file = join(resolve(folder, to), name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
    output.result({ deployment, file }, () => [
      `${version.fullName} ${version.version} is in ${file}.`,
      `What it answers is told to the deployment ${deployment}; its token: trainyard token <name> --deployment ${deployment}`,
    ])
  },
  command =>
    command
      .addOption(new Option('--as <kind>', 'the package').choices(['npm', 'wheel']).makeOptionMandatory())
      .option('--deployment <name>', 'what it is monitored as; <model>-embedded when left out')
      .option('--to <folder>', 'where the file goes; here when left out')
      .option('--reason <text>', 'why; it is kept with the release', 'It is embedded in another program.'),
)

interface Scan {
  readonly verdict: string
  readonly files: readonly {
    readonly path: string
    readonly format: string
    readonly findings: readonly { readonly severity: string; readonly what: string }[]
  }[]
}

const scanVerb = aboutVersion(
  'scan',
  'What the files of a version would do when they are loaded.',
  async (version, { client, output }) => {
    const scan = await client.get<Scan>(path(version, 'scan'))
    output.result(scan, () => [
      `${version.fullName} ${version.version}: ${scan.verdict}`,
      ...table(
        ['file', 'format', 'severity', 'finding'],
        scan.files.flatMap(({ path: file, format, findings }) =>
          findings.length === 0
            ? [[file, format, '', '']]
            : findings.map(({ severity, what }) => [file, format, severity, what]),
        ),
      ),
    ])
  },
)

const cardVerb = aboutVersion(
  'card',
  'The model card of a version, as Markdown.',
  async (version, { client, output }) => {
    const card = await client.get<{ markdown: string }>(path(version, 'card'))
    output.result(card, () => card.markdown.split('\n'))
  },
)

interface ApprovalState {
  readonly required: number
  readonly missing: readonly string[]
}

const judgeVerb = (name: 'approve' | 'reject', summary: string): Verb =>
  aboutVersion(
    name,
    summary,
    async (version, { client, output, options }) => {
      const body = {
        verdict: name,
        reason: options['reason'],
        ...(version.digest !== undefined && { digest: version.digest }),
      }
      const state = await client.send<ApprovalState>('POST', path(version, 'approvals'), body)
      output.result(state, () =>
        state.missing.length === 0
          ? ['Nothing is missing for production.']
          : state.missing.map(what => `Missing: ${what}`),
      )
    },
    command => command.requiredOption('--reason <text>', 'why; it is kept with the decision'),
  )

export const modelsVerb = group('models', 'Compare, examine, judge, reproduce and export versions of models.', [
  compareVerb,
  diffVerb,
  scanVerb,
  cardVerb,
  judgeVerb('approve', 'Approve the files of a version.'),
  judgeVerb('reject', 'Reject the files of a version.'),
  reproduceVerb,
  exportVerb,
  embedVerb,
])
