/**
 * How many predictions a second one model server gives on one core, and how long one takes, beside MLflow's and BentoML's
 * servers, and beside the limit: the same HTTP parser and the same ONNX call with nothing around them. The model is that of
 * benchmarks/serving/model.py. All servers are there at once and are asked in turn, round after round, so that what else
 * the machine does meets all of them; the median of the rounds is shown, and the processor time of a request, which does not
 * depend on who else wants the core. Of requests with many rows it is said how much of that time the model alone takes,
 * which no form of asking shortens, and beside the trees there is a model that takes next to none.
 *
 *   node benchmarks/serving.ts [--rounds=5] [--without-peers]
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { pythonWith } from '../test/mlflow/environment.ts'
import { cpuMs } from './serving/core.ts'
import { runUs, startLimit } from './serving/limit.ts'
import { send, type Measured } from './serving/load.ts'
import { lightModel, startModelServer, type Running } from './serving/model-server.ts'
import { startBento, startMlflow } from './serving/peers.ts'
import { bentoRows, binary, grpcTensors, instances, mlflowTable, tensors, type Question } from './serving/question.ts'
import { printTable } from './table.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, 'without-peers': { type: 'boolean', default: false } },
})
const warmUpMs = 300
const measureMs = 1_000

interface Case {
  readonly name: string
  readonly server: Running
  readonly question: Question
  readonly connections: number
  readonly rows: number
}

interface Result extends Measured {
  /** Microseconds of the processor for each request. */
  readonly cpuUs: number
}

async function ask({ server, question, connections }: Case): Promise<Result> {
  const before = cpuMs(server.pid)
  const port = question.protocol === 'grpc' ? server.grpcPort! : server.port
  const measured = await send({ port, ...question, connections, warmUpMs, measureMs })
  // While it warms up it answers as fast as afterwards.
  const answers = measured.answers * (1 + warmUpMs / measureMs)
  return { ...measured, cpuUs: ((cpuMs(server.pid) - before) * 1_000) / answers }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

async function inTurn(cases: readonly Case[]): Promise<readonly Result[]> {
  const results = cases.map(() => [] as Result[])
  for (let round = -1; round < Number(options.rounds); round++)
    for (const [index, each] of cases.entries()) {
      const result = await ask(each)
      // The first round is for the compilers.
      if (round >= 0) results[index]!.push(result)
    }
  return results.map(rounds => ({
    answers: median(rounds.map(({ answers }) => answers)),
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
  }))
}

async function main(folder: string): Promise<void> {
  const python = await pythonWith('serving-peers')
  await promisify(execFile)(python, [join(import.meta.dirname, 'serving/model.py'), folder])
  const model = join(folder, 'model.onnx')
  const running: Running[] = []
  const start = async (server: Promise<Running>): Promise<Running> => {
    running.push(await server)
    return running.at(-1)!
  }
  try {
    const limit = await start(startLimit(model))
    const ours = await start(startModelServer(model))
    const unlogged = await start(startModelServer(model, { isLogged: false }))
    const logistic = await start(startModelServer(await lightModel(folder), { isLogged: false }))
    const peers = options['without-peers']
      ? []
      : [
          { name: 'mlflow models serve', server: await start(startMlflow(python, folder)), question: mlflowTable(1) },
          { name: 'BentoML', server: await start(startBento(python, folder)), question: bentoRows(1) },
        ]
    const requests: readonly Omit<Case, 'connections' | 'rows'>[] = [
      { name: 'the limit: node:http, JSON.parse, ONNX', server: limit, question: instances(1) },
      { name: 'model server', server: ours, question: instances(1) },
      { name: 'model server, without prediction log', server: unlogged, question: instances(1) },
      { name: 'model server, a tensor for each feature', server: ours, question: tensors(1) },
      ...peers,
    ]
    const single = [32, 1].flatMap(connections => requests.map(each => ({ ...each, connections, rows: 1 })))
    const forms = { JSON: tensors, 'binary tensors': binary, gRPC: grpcTensors }
    const common = { connections: 8, rows: manyRows }
    const asked = (server: Running): readonly Case[] =>
      Object.entries(forms).map(([name, form]) => ({ ...common, name, server, question: form(manyRows) }))
    const bare = { ...common, name: 'JSON, without prediction log', server: unlogged, question: tensors(manyRows) }
    const many = [...asked(ours), bare]
    const light = asked(logistic)
    const results = await inTurn([...single, ...many, ...light])
    const ofMany = results.slice(single.length)
    print(`One row for each request, ${ofTrees}`, single, results)
    print(`${manyRows} rows for each request, ${ofTrees}`, many, ofMany)
    print(`${manyRows} rows for each request, ${ofLight}`, light, ofMany.slice(many.length))
    console.log(reason(ofMany[0]!, ofMany[many.length - 1]!, await runUs(model, manyRows)))
    console.log(formOf(ofMany.slice(many.length)))
  } finally {
    for (const { stop } of running) await stop()
  }
}

const manyRows = 128
const ofTrees = '100 trees of depth 6 on 20 features'
const ofLight = 'a logistic regression on 20 features, no log'

/** Why other forms than JSON do not give five times its rows a second for trees. */
function reason({ cpuUs }: Result, unlogged: Result, modelUs: number): string {
  const logUs = Math.max(0, cpuUs - unlogged.cpuUs)
  const [whole, trees, log] = [cpuUs, modelUs, logUs].map(Math.round)
  return `Of the ${whole} µs that ${manyRows} rows in JSON take, the trees alone take ${trees} and the prediction log ${log}: no form of asking can give more than ${(cpuUs / (modelUs + logUs)).toFixed(1)} times as many rows a second.`
}

/** Why they do not beside a model that takes next to no time: in the order of `forms`. */
function formOf(light: readonly Result[]): string {
  const [json, tensors, grpc] = light.map(({ cpuUs }) => Math.round(cpuUs))
  return `Beside next to no model, ${manyRows} rows take ${json} µs in JSON, ${tensors} in binary tensors, ${grpc} over gRPC, whose HTTP/2 is in JavaScript: what is saved by leaving JSON is the parsing of its numbers, and the HTTP, the checks and the ids of all rows stay.`
}

function print(title: string, cases: readonly Case[], results: readonly Result[]): void {
  const rows = cases.map(({ name, connections, rows: count }, index) => {
    const { perSecond, p50Ms, p99Ms, cpuUs } = results[index]!
    const first = results[cases.findIndex(each => each.connections === connections)]!
    return {
      server: name,
      connections,
      'rows/s': Math.round(perSecond * count),
      'of the first': `${Math.round((100 * perSecond) / first.perSecond)} %`,
      'p50 ms': Number(p50Ms.toFixed(3)),
      'p99 ms': Number(p99Ms.toFixed(2)),
      'CPU µs/request': Math.round(cpuUs),
    }
  })
  printTable(`${title}, the server on one core`, rows)
}

const folder = await mkdtemp(join(tmpdir(), 'trainyard-benchmark-'))
try {
  await main(folder)
} finally {
  await rm(folder, { recursive: true })
}
