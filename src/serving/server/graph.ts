import type { GraphCondition, GraphNode } from '#project/graph-spec.ts'
import { pickRevision } from '../traffic.ts'
import type { Batcher } from './batcher.ts'
import type { Column } from './bind.ts'
import { combined } from './graph-combine.ts'
import { RequestError } from './request-error.ts'
import { newTally, tally } from './run-tally.ts'
import { ModelFault, type OutputColumn } from './runtime.ts'
import { servedOutputs, type RowsCode } from './serving-code.ts'

/** A graph of deployments and code, which answers as a model does. */
export interface GraphSpec {
  readonly name: string
  /** Names and datatypes, in order. */
  readonly inputs: readonly Typed[]
  /** What of the answer of `root` is given back. */
  readonly outputs: readonly Typed[]
  readonly nodes: Readonly<Record<string, GraphNode>>
  /** The functions of its code nodes. */
  readonly code: ReadonlyMap<string, RowsCode>
}

interface Typed {
  readonly name: string
  readonly datatype: string
}

/** Columns of the same number of rows, by name. */
export interface Flow {
  readonly rows: number
  /** Of the predictions, one for each row. */
  readonly ids: readonly string[]
  readonly columns: ReadonlyMap<string, OutputColumn>
}

export interface GraphParts {
  /** What a deployment of the graph's project answers. Throws `RequestError`. */
  ask(request: DeploymentQuestion): Promise<readonly OutputColumn[]>
  /** A node has answered, or has not. */
  observe(node: ObservedNode): void
  /** From 0 to 1, for requests that are divided by themselves. */
  readonly random: () => number
}

export interface DeploymentQuestion {
  readonly name: string
  readonly flow: Flow
  readonly until: number
  /** Its predictions have the ids of the rows; else ids of their own. */
  readonly isFirst: boolean
}

export interface ObservedNode {
  readonly graph: string
  readonly node: string
  readonly seconds: number
  readonly isAnswered: boolean
}

interface Walk {
  readonly graph: GraphSpec
  readonly parts: GraphParts
  readonly until: number
  /** The request as it came: what conditions look at. */
  readonly request: Flow
  /** Ids of rows about which a deployment has been asked. */
  readonly asked: Set<string>
}

const root = 'root'
const waitMs = 30_000

/** Runs requests through a graph, each by itself: its deployments batch what arrives together. */
export function createGraph(graph: GraphSpec, parts: GraphParts): Batcher {
  const ran = newTally()
  return {
    waiting: { rows: 0, requests: 0 },
    tally: ran,
    async run(rows, columns, { until = performance.now() + waitMs, ids = [] } = {}) {
      const startedAt = performance.now()
      const request = { rows, ids, columns: columnsOf(graph.inputs, columns) }
      const answer = await visit({ graph, parts, until, request, asked: new Set() }, root, request)
      tally(ran, { rows, queuedMs: 0, ms: performance.now() - startedAt })
      return graph.outputs.map(output => wanted(graph, answer, output))
    },
  }
}

function columnsOf(inputs: readonly Typed[], columns: readonly Column[]): Flow['columns'] {
  const named = inputs.map(({ name, datatype }, at): [string, OutputColumn] => {
    const values = Array.from(columns[at]!, value => (datatype === 'BOOL' ? Boolean(value) : value))
    return [name, { name, datatype, width: 1, values: values as OutputColumn['values'] }]
  })
  return new Map(named)
}

function wanted({ name: graph }: GraphSpec, answer: readonly OutputColumn[], { name, datatype }: Typed): OutputColumn {
  const found = answer.find(output => output.name === name)
  const known = answer.map(output => output.name).join(', ')
  if (!found)
    throw new ModelFault('model_failed', `Node ${root} of ${graph} answers ${known || 'nothing'}, not ${name}.`)
  if (kindOf(found.datatype) === kindOf(datatype)) return { ...found, datatype }
  throw new ModelFault(
    'model_failed',
    `Node ${root} of ${graph}: output ${name} is ${found.datatype}, declared as ${datatype}.`,
  )
}

const kindOf = (datatype: string): string => (datatype === 'BYTES' || datatype === 'BOOL' ? datatype : 'number')

/** What a node answers; what goes wrong in it is said with its name. */
async function visit(walk: Walk, name: string, flow: Flow): Promise<readonly OutputColumn[]> {
  const { graph, parts } = walk
  const startedAt = performance.now()
  let isAnswered = false
  try {
    const answer = await answerOf(walk, name, flow)
    isAnswered = true
    return answer
  } catch (error) {
    throw atNode(graph, name, error)
  } finally {
    parts.observe({ graph: graph.name, node: name, seconds: (performance.now() - startedAt) / 1_000, isAnswered })
  }
}

/** The innermost node is named, and only that. */
const named = new WeakSet<Error>()

function atNode({ name: graph }: GraphSpec, node: string, thrown: unknown): Error {
  if (thrown instanceof Error && named.has(thrown)) return thrown
  const sentence = `Node ${node} of ${graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  const error =
    thrown instanceof RequestError
      ? new RequestError(thrown.code, sentence, thrown)
      : new ModelFault(thrown instanceof ModelFault ? thrown.code : 'model_failed', sentence)
  named.add(error)
  return error
}

async function answerOf(walk: Walk, name: string, flow: Flow): Promise<readonly OutputColumn[]> {
  const node = walk.graph.nodes[name]!
  if ('deployment' in node) return askOnce(walk, node.deployment, flow)
  if ('code' in node) return servedOutputs(walk.graph.code.get(name)!, [...flow.columns.values()], flow.rows)
  if ('sequence' in node) return inSequence(walk, node.sequence, flow)
  if ('ensemble' in node) {
    const answers = await Promise.all(node.ensemble.map(member => visit(walk, member, flow)))
    return combined(
      node.combine,
      node.ensemble.map((member, at) => ({ member, answer: answers[at]! })),
    )
  }
  const branches = 'switch' in node ? node.switch : node.splitter
  const chosen = 'switch' in node ? bySwitch(walk, node.switch) : bySplitter(walk, node)
  return divided(walk, flow, { branches, chosen })
}

/** The first deployment that is asked about a row answers with the row's id: the truth that is told by it is the truth about that. */
function askOnce({ asked, parts, until }: Walk, name: string, flow: Flow): Promise<readonly OutputColumn[]> {
  const isFirst = flow.ids.every(id => !asked.has(id))
  for (const id of flow.ids) asked.add(id)
  return parts.ask({ name, flow, until, isFirst })
}

async function inSequence(walk: Walk, steps: readonly string[], flow: Flow): Promise<readonly OutputColumn[]> {
  const columns = new Map(flow.columns)
  let answer: readonly OutputColumn[] = []
  for (const step of steps) {
    answer = await visit(walk, step, { ...flow, columns })
    for (const output of answer) columns.set(output.name, output)
  }
  return answer
}

/** For each row the branch that it takes. */
type Chosen = (row: number) => number

function bySwitch({ request }: Walk, branches: Extract<GraphNode, { switch: unknown }>['switch']): Chosen {
  return row => branches.findIndex(({ when }) => !when || fulfils(when, request.columns.get(when.input)!.values[row]!))
}

/** Whether a value fulfils all of the comparisons. */
export function fulfils(when: GraphCondition, value: number | string | boolean): boolean {
  const { is, in: values, above = -Infinity, atLeast = -Infinity, below = Infinity, atMost = Infinity } = when
  if (is !== undefined && value !== is) return false
  if (values && !values.includes(value)) return false
  return typeof value !== 'number' || (value > above && value >= atLeast && value < below && value <= atMost)
}

function bySplitter({ request, parts }: Walk, { splitter, by }: Extract<GraphNode, { splitter: unknown }>): Chosen {
  const pick = (text: string): number => splitter.indexOf(pickRevision(splitter, text)!)
  const salt = splitter.map(({ node }) => node).join()
  if (by === undefined) {
    const whole = pick(`${salt} ${parts.random()}`)
    return () => whole
  }
  const { values } = request.columns.get(by)!
  return row => pick(`${salt} ${String(values[row])}`)
}

/** Each row is answered by the node that it goes to; together they answer as one. */
async function divided(
  walk: Walk,
  flow: Flow,
  { branches, chosen }: { branches: readonly { readonly node: string }[]; chosen: Chosen },
): Promise<readonly OutputColumn[]> {
  const parts = branches.map(({ node }) => ({ node, rows: [] as number[] }))
  for (let row = 0; row < flow.rows; row++) parts[chosen(row)]!.rows.push(row)
  const taken = parts.filter(({ rows }) => rows.length > 0)
  if (taken.length === 1) return visit(walk, taken[0]!.node, flow)
  const answers = await Promise.all(
    taken.map(async ({ node, rows }) => visit(narrowed(walk, rows), node, narrowed({ request: flow }, rows).request)),
  )
  return joined(taken, answers, flow.rows)
}

/** The same with some of the rows. */
function narrowed<Held extends { readonly request: Flow }>(held: Held, rows: readonly number[]): Held {
  const columns = Array.from(held.request.columns, ([name, column]): [string, OutputColumn] => {
    const { width, values } = column
    return [
      name,
      {
        ...column,
        values: rows.flatMap(row => values.slice(row * width, (row + 1) * width)) as OutputColumn['values'],
      },
    ]
  })
  return {
    ...held,
    request: { rows: rows.length, ids: rows.flatMap(row => held.request.ids[row] ?? []), columns: new Map(columns) },
  }
}

interface Taken {
  readonly node: string
  readonly rows: readonly number[]
}

/** Answers of some rows each, as one of all. Throws when they are not of the same columns. */
function joined(taken: readonly Taken[], answers: readonly (readonly OutputColumn[])[], rows: number): OutputColumn[] {
  return answers[0]!.map(first => {
    const { name, width, datatype } = first
    const values = Array.from<number | string | boolean>({ length: rows * width })
    for (const [at, part] of taken.entries()) {
      const output = answers[at]!.find(each => each.name === name)
      if (output?.width !== width || kindOf(output.datatype) !== kindOf(datatype))
        throw new Error(`${part.node} and ${taken[0]!.node} must both answer ${name}, with values of the same kind.`)
      for (const [place, row] of part.rows.entries())
        for (let column = 0; column < width; column++)
          values[row * width + column] = output.values[place * width + column]!
    }
    return { ...first, values }
  })
}
