import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import { messageOf } from '#kernel/error.ts'
import { scoreOutput, type Tensor } from '#registry'
import { outputKey } from '#registry/output-key.ts'
import type { Blobs } from '#storage'
import { checkOut, linkPython, type Interpreters } from './bundle-folder.ts'
import { BundleManifest, manifestFile, type Golden } from './bundle.ts'
import { bundleFolder, readJsonFile, routesFile, wholeLog, type RoutesFile, type ServerFile } from './routes-file.ts'
import { isSameAnswer } from './same-answer.ts'
import { thisProcess } from './process-ticks.ts'
import { judgeReplay, type Replayed, type ReplayRow, type ReplayRules } from './replay.ts'
import type { WorkerSettings } from './server-settings.ts'
import { askStatus, call, serverMain, startServer, stopServer } from './server-process.ts'
import type { Check } from './check.ts'
import { judgeCost } from './row-cost.ts'
import { keptRowMs } from './server/kept-placement.ts'
import { judgeSmoke, smokeAnswers, smokeRequests, type SmokeRows } from './smoke.ts'

export interface Rehearsal {
  readonly passed: boolean
  readonly checks: readonly Check[]
}

const deployment = 'rehearsal'
const callMsMax = 10_000

/**
 * Tries a bundle as it will run: in a model server of its own, on a free port, with this bundle alone. Known rows must
 * get their known answers, and requests that are wrong must be refused. The process has ended when this returns, and ends
 * with this one.
 */
export async function rehearse({
  blobs,
  interpreters,
  workers,
  bundle,
  version,
  programme,
}: {
  blobs: Blobs
  interpreters: Interpreters
  workers: WorkerSettings
  bundle: Digest
  version: string
  programme: Programme
}): Promise<Rehearsal> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-rehearsal-'))
  let server: ServerFile | undefined
  try {
    await checkOut({ blobs, folder }, bundle)
    await linkPython({ blobs, folder, interpreters }, bundle)
    const manifest = await readJsonFile(join(bundleFolder(folder, bundle), manifestFile), BundleManifest)
    if (!manifest) return failed('bundle', `${manifestFile} is missing or not understood.`)
    await writeFile(routesFile(folder), JSON.stringify(routesOf(manifest, bundle)))
    server = await startServer(folder, {
      host: '127.0.0.1',
      port: 0,
      online: '',
      version,
      isLogged: true,
      workers,
      main: serverMain,
      until: thisProcess(),
    })
    const state = (await askStatus(server))?.bundles[bundle] ?? 'The model server does not answer.'
    if (state !== 'ready') return failed('load', state)
    const checks: Check[] = [{ name: 'load', passed: true, found: 'The model server has loaded the bundle.' }]
    for (const check of trials(manifest)) checks.push(await check(server))
    if (checks.every(({ passed }) => passed)) checks.push(await smokeTrial(server, manifest, programme))
    const { cost, replay } = programme
    if (cost) {
      const own = await keptRowMs(bundleFolder(folder, bundle))
      checks.push(judgeCost(own, await keptRowMs(cost.champion), cost.most))
    }
    if (replay) checks.push(await replayTrial(server, manifest, replay))
    return { passed: checks.every(({ passed }) => passed), checks }
  } catch (error) {
    return failed('load', messageOf(error))
  } finally {
    if (server) await stopServer(server)
    await rm(folder, { recursive: true, force: true })
  }
}

/** What is tried beside what the bundle itself says. */
export interface Programme {
  /** How many requests are made at least, and of which rows. */
  readonly requests: number
  readonly rows: SmokeRows
  /** The folder of the champion's bundle, and how many times as much a row may take. */
  readonly cost?: { readonly champion: string; readonly most: number } | undefined
  readonly replay?: Replay | undefined
}

/** Requests to the champion, and what has to come of them. */
export interface Replay {
  readonly rows: readonly ReplayRow[]
  readonly rules: ReplayRules
}

const failed = (name: string, found: string): Rehearsal => ({ passed: false, checks: [{ name, passed: false, found }] })

const routesOf = ({ project, version }: BundleManifest, bundle: Digest): RoutesFile => ({
  version: 1,
  deployments: [
    {
      name: deployment,
      project,
      limits: {},
      log: wholeLog,
      isGraph: false,
      revisions: [{ id: 'rev_rehearsal', number: 1, version, bundle, weight: 100, shadow: 0 }],
      former: [],
    },
  ],
  preload: [],
})

type Trial = (server: ServerFile) => Promise<Check>

function trials(manifest: BundleManifest): readonly Trial[] {
  const { golden, serving } = manifest
  const [example] = golden
  if (!example)
    return [
      async () => ({ name: 'golden', passed: false, found: 'The bundle has no golden predictions to compare with.' }),
    ]
  const inputs = tensors(manifest, example.inputs)
  const [first, ...others] = inputs
  const strict = inputs.find(({ name }) => (manifest.inputs?.[name]?.missing ?? 'refuse') === 'refuse')
  const wide = { ...first!, shape: [1, 7], data: Array.from({ length: 7 }, () => first!.data[0]!) }
  return [
    server => goldenTrial(server, manifest),
    ...(serving === undefined ? [] : [(server: ServerFile) => servingTrial(server, manifest, example)]),
    server => refusalTrial(server, { name: 'wrong shape', body: { inputs: [wide, ...others] }, expected: 'shape' }),
    ...(strict ? [missingTrial(inputs, strict)] : []),
    server =>
      refusalTrial(server, {
        name: 'unknown input',
        body: { inputs: [...inputs, { ...first!, name: 'no_such_input' }] },
        expected: 'no_such_input',
      }),
  ]
}

/** A missing value of an input that has to have one. */
const missingTrial =
  (inputs: readonly TensorBody[], strict: TensorBody): Trial =>
  server =>
    refusalTrial(server, {
      name: 'missing value',
      body: { inputs: inputs.map(input => (input === strict ? { ...input, data: [null] } : input)) },
      expected: 'null',
    })

interface TensorBody {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

const tensors = ({ signature }: BundleManifest, row: Golden['inputs']): readonly TensorBody[] =>
  signature.inputs.map(({ name, datatype }) => ({ name, datatype, shape: [1, 1], data: [row[name]] }))

interface InferAnswer {
  readonly outputs: readonly {
    readonly name: string
    readonly shape: readonly number[]
    readonly data: readonly unknown[]
  }[]
}

async function ask(
  server: ServerFile,
  body: object,
  agent?: Agent,
): Promise<{ status: number; answer: Partial<InferAnswer> & { error?: string } }> {
  const { status, text } = await call(server, {
    method: 'POST',
    path: `/v2/models/${deployment}/infer`,
    body: JSON.stringify(body),
    timeoutMs: callMsMax,
    ...(agent && { agent }),
  })
  return { status, answer: JSON.parse(text) as InferAnswer }
}

async function goldenTrial(server: ServerFile, manifest: BundleManifest): Promise<Check> {
  const name = 'golden'
  for (const [row, { inputs, outputs }] of manifest.golden.entries()) {
    const { status, answer } = await ask(server, { inputs: tensors(manifest, inputs) })
    if (status !== 200) return { name, passed: false, found: `Row ${row + 1} was refused: ${answer.error}` }
    const given = flatten(answer.outputs ?? [])
    const wrong = Object.entries(outputs).find(([output, value]) => !isSameAnswer(given[output], value))
    if (wrong)
      return {
        name,
        passed: false,
        found: `Row ${row + 1}, output ${wrong[0]}: ${String(given[wrong[0]])} instead of ${String(wrong[1])}.`,
      }
  }
  return { name, passed: true, found: `${manifest.golden.length} known rows got their known answers.` }
}

/** With golden rows as known ones, too. */
async function smokeTrial(server: ServerFile, manifest: BundleManifest, { requests, rows }: Programme): Promise<Check> {
  const golden = manifest.golden.map(({ inputs }) => inputs)
  const asked = smokeRequests(manifest.signature.inputs, { ...rows, known: [...rows.known, ...golden] }, requests)
  const agent = new Agent({ keepAlive: true })
  try {
    const answers = await smokeAnswers([...asked.recorded, ...asked.known], async row => {
      const { status, answer } = await ask(server, { inputs: tensors(manifest, row) }, agent)
      const values = (answer.outputs ?? []).flatMap(({ data }) => data)
      return { status, error: answer.error, isValid: values.every(value => value !== null) }
    })
    return judgeSmoke(answers, asked)
  } finally {
    agent.destroy()
  }
}

/** As many as a request may have without being slow. */
const rowsPerRequest = 250

async function replayTrial(server: ServerFile, manifest: BundleManifest, { rows, rules }: Replay): Promise<Check> {
  const missing = manifest.signature.inputs.find(input => rows.some(({ inputs }) => isLost(input, inputs[input.name])))
  if (missing)
    return { name: 'replay', passed: true, found: `The log does not have ${missing.name}: nothing is replayed.` }
  const replayed: Replayed[] = []
  for (let start = 0; start < rows.length; start += rowsPerRequest)
    replayed.push(...(await answeredAgain(server, manifest, rows.slice(start, start + rowsPerRequest))))
  return judgeReplay(replayed, scoreOutput(manifest.signature).key, rules)
}

/** Left out of the log, or redacted then: a hash is a text. */
const isLost = ({ datatype }: Tensor, value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && datatype !== 'BYTES')

/** All rows in one request; when that fails, one by one, so that those it fails at are known. */
async function answeredAgain(
  server: ServerFile,
  manifest: BundleManifest,
  rows: readonly ReplayRow[],
): Promise<readonly Replayed[]> {
  const inputs = manifest.signature.inputs.map(({ name, datatype }) => ({
    name,
    datatype,
    shape: [rows.length, 1],
    data: rows.map(row => row.inputs[name]),
  }))
  const { status, answer } = await ask(server, { inputs })
  if (status === 200) return rows.map((row, at) => ({ ...row, answer: rowOf(answer.outputs!, at) }))
  if (rows.length === 1) return [{ ...rows[0]!, answer: undefined }]
  const single: Replayed[] = []
  for (const row of rows) single.push(...(await answeredAgain(server, manifest, [row])))
  return single
}

const rowOf = (outputs: InferAnswer['outputs'], row: number): Golden['outputs'] =>
  flatten(
    outputs.map(({ name, shape, data }) => {
      const width = shape[1] ?? 1
      return { name, shape: [1, width], data: data.slice(row * width, (row + 1) * width) }
    }),
  ) as Golden['outputs']

const flatten = (outputs: InferAnswer['outputs']): Record<string, unknown> =>
  Object.fromEntries(
    outputs.flatMap(({ name, shape, data }) =>
      data.map((value, column) => [outputKey(name, shape[1] ?? 1, column), value] as const),
    ),
  )

async function servingTrial(server: ServerFile, manifest: BundleManifest, { inputs }: Golden): Promise<Check> {
  const name = 'serving code'
  const { serving, preprocess } = manifest
  const { status, answer } = await ask(server, { inputs: sent(manifest, inputs) })
  if (status !== 200) return { name, passed: false, found: answer.error ?? `It answered ${status}.` }
  const own = manifest.signature.outputs.map(output => output.name)
  const added = (answer.outputs ?? []).map(output => output.name).filter(output => !own.includes(output))
  const found = [
    ...(preprocess ? [`makes ${preprocess.gives.join(', ')}`] : []),
    ...(added.length > 0 ? [`adds ${added.join(', ')}`] : []),
  ].join(' and ')
  return { name, passed: found !== '', found: `${serving} ${found || 'adds no output'}.` }
}

/** A known row as requests bring it: with what serving code makes inputs of in their place. */
function sent(manifest: BundleManifest, row: Golden['inputs']): readonly TensorBody[] {
  const { takes = {}, gives = [], example = {} } = manifest.preprocess ?? {}
  const taken = Object.entries(takes).map(([name, datatype]) => ({
    name,
    datatype,
    shape: [1, 1],
    data: [example[name]],
  }))
  return [
    ...tensors(manifest, row).filter(({ name }) => !gives.includes(name) && !Object.hasOwn(takes, name)),
    ...taken,
  ]
}

async function refusalTrial(
  server: ServerFile,
  { name, body, expected }: { name: string; body: object; expected: string },
): Promise<Check> {
  const { status, answer } = await ask(server, body)
  const isRefused = status === 400 && (answer.error ?? '').includes(expected)
  return {
    name,
    passed: isRefused,
    found: isRefused ? answer.error! : `It answered ${status}: ${answer.error ?? 'a prediction'}`,
  }
}
