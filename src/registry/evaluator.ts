import { stat } from 'node:fs/promises'
import type { z } from 'zod'
import { mean, standardDeviation } from '#statistics'
import type { GateSpec } from '#project'
import type { Duckdb } from '#storage'
import { compareLosses, type Difference } from './comparison.ts'
import { judge } from './gate.ts'
import { permutationImportance } from './importance.ts'
import { allMetrics, firstBadScore, lossOf, rowLosses, type LossName, type Task } from './loss.ts'
import type { Column, ModelFile, Onnx, Outputs } from './onnx.ts'
import { incompatibilities, scoreOutput, type Signature, type Tensor } from './signature.ts'
import { groupColumns, measureFairness, measureSlices, type Answered } from './slices.ts'
import { openTestRows, testColumns, type TestRows } from './test-rows.ts'
import type { EvaluationWire } from './wire.ts'

export type Evaluation = z.output<typeof EvaluationWire>

export interface Contender {
  readonly file: ModelFile
  readonly signature: Signature
}

export interface EvaluationRequest {
  readonly challenger: Contender
  readonly champion?: (Contender & { readonly id: string; readonly number: number }) | undefined
  /** Local path of the test rows, CSV or Parquet. */
  readonly test: string
  readonly task: Task
  readonly gate: GateSpec
  readonly signal?: AbortSignal | undefined
}

const rowsPerRead = 10_000
const importanceRowsMax = 2_000

/**
 * Judges a model on rows that it has not seen, and the champion on the very same ones. The rows are read in pieces;
 * what is kept of each is its label and its scores.
 */
export async function evaluateModel(
  { onnx, duckdb }: { onnx: Onnx; duckdb: Duckdb },
  request: EvaluationRequest,
): Promise<Evaluation> {
  const { challenger, task, gate, test, signal } = request
  const columns = Object.keys(await testColumns(duckdb, test, signal))
  const rival = comparable(request, columns)
  const inputs = union(challenger.signature.inputs, typeof rival === 'object' ? rival.signature.inputs : [])
  const groups = groupColumns(gate)
  const rows = await openTestRows(duckdb, {
    path: test,
    inputs,
    groups,
    binary: task === 'binary_classification',
    signal,
  })
  try {
    const contenders = typeof rival === 'object' ? [challenger, rival] : [challenger]
    const loss = lossOf[gate.metric]
    const answered = { task, loss, ...(await scoreAll({ onnx, rows, contenders, signal })) }
    const { labels, scores } = answered
    const summary = summarise({ task, loss, labels, scores: scores[0]! })
    const comparison = typeof rival === 'object' ? compare({ task, loss, labels, scores }) : undefined
    const slices = await measureSlices(gate, answered)
    const fairness = measureFairness(gate, answered)
    const latency =
      gate.latency === undefined ? undefined : await latencyOf({ onnx, rows, contender: challenger, signal })
    const importance = summary.badRow ? {} : await importanceOf({ onnx, rows, contender: challenger, loss, signal })
    const champion =
      typeof rival === 'object'
        ? comparison
          ? { number: rival.number, loss, difference: comparison.difference }
          : noAnswers
        : rival
    return {
      metric: gate.metric,
      metrics: summary.metrics,
      rows: rows.count,
      ...(rows.from === undefined ? {} : { from: rows.from as never, to: rows.to as never }),
      ...(typeof rival === 'object' && comparison
        ? {
            champion: { version: rival.id, number: rival.number, metrics: comparison.metrics },
            difference: { loss, ...comparison.difference },
          }
        : {}),
      importance,
      ...(slices.length > 0 && { slices: [...slices] }),
      ...(fairness.length > 0 && { fairness: [...fairness] }),
      ...(latency && { latency }),
      gate: judge(gate, {
        ...summary,
        rows: rows.count,
        incomplete: rows.incomplete,
        inputs: challenger.signature.inputs.map(({ name }) => name),
        bytes: (await stat(challenger.file.path)).size,
        latency: latency?.p99,
        slices,
        fairness,
        incompatible: request.champion && incompatibilities(request.champion.signature, challenger.signature),
        ...(champion === undefined ? {} : { champion }),
      }),
    }
  } finally {
    await rows.close()
  }
}

const noAnswers = 'one of the two gives no usable answer'

/** The champion if it can be run on these rows, why not if it cannot, undefined if there is none or nobody asks. */
function comparable({ champion, gate }: EvaluationRequest, columns: readonly string[]) {
  if (!champion || !gate.notWorseThanChampion) return undefined
  const missing = champion.signature.inputs.filter(({ name }) => !columns.includes(name)).map(({ name }) => name)
  return missing.length > 0
    ? `the champion, version ${champion.number}, needs ${missing.join(', ')}, which these rows do not have`
    : champion
}

const union = (a: readonly Tensor[], b: readonly Tensor[]): readonly Tensor[] => [
  ...a,
  ...b.filter(({ name }) => !a.some(other => other.name === name)),
]

interface ScoreJob {
  readonly onnx: Onnx
  readonly rows: TestRows
  readonly contenders: readonly Contender[]
  readonly signal: AbortSignal | undefined
}

async function scoreAll({
  onnx,
  rows,
  contenders,
  signal,
}: ScoreJob): Promise<Pick<Answered, 'labels' | 'scores' | 'groups'>> {
  const labels = new Float64Array(rows.count)
  const scores = contenders.map(() => new Float64Array(rows.count))
  const groups: Record<string, string[]> = {}
  for (let start = 0; start < rows.count; start += rowsPerRead) {
    const piece = await rows.read(start, start + rowsPerRead)
    labels.set(piece.labels, start)
    for (const [name, values] of Object.entries(piece.groups)) (groups[name] ??= []).push(...values)
    for (const [i, contender] of contenders.entries())
      scores[i]!.set(await scoresOf(onnx, contender, piece.columns, signal), start)
  }
  return { labels, scores, groups }
}

async function scoresOf(
  onnx: Onnx,
  { file, signature }: Contender,
  columns: Readonly<Record<string, Column>>,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const own = Object.fromEntries(signature.inputs.map(({ name }) => [name, columns[name]!]))
  const rows = Object.values(own)[0]!.length
  return answers(signature, await onnx.score(file, rows, own, signal), rows)
}

/** The column of the outputs that is the model's answer. */
function answers(signature: Signature, outputs: Outputs, rows: number): Float64Array {
  const { output, column } = scoreOutput(signature)
  const { width, values } = outputs[output]!
  return Float64Array.from({ length: rows }, (_, row) => Number(values[row * width + Math.min(column, width - 1)]))
}

interface Scored {
  readonly task: Task
  readonly loss: LossName
  readonly labels: Float64Array
}

function summarise({ task, loss, labels, scores }: Scored & { scores: Float64Array }) {
  const row = firstBadScore(task, scores)
  if (row >= 0) return { metrics: {}, badRow: { row, score: scores[row]! } }
  const losses = rowLosses(loss, labels, scores)
  return {
    metrics: {
      ...allMetrics(task, labels, scores),
      // What monitoring compares a window's mean loss with.
      loss_mean: mean(losses),
      loss_sd: losses.length > 1 ? standardDeviation(losses) : 0,
    },
  }
}

function compare({
  task,
  loss,
  labels,
  scores,
}: Scored & { scores: readonly Float64Array[] }):
  | { metrics: Record<string, number>; difference: Difference }
  | undefined {
  const [challenger, champion] = scores as [Float64Array, Float64Array]
  if (firstBadScore(task, challenger) >= 0 || firstBadScore(task, champion) >= 0) return undefined
  const difference = compareLosses(rowLosses(loss, labels, challenger), rowLosses(loss, labels, champion))
  return { metrics: allMetrics(task, labels, champion), difference }
}

/** How long the first row takes. */
async function latencyOf({
  onnx,
  rows,
  contender,
  signal,
}: Omit<ImportanceJob, 'loss'>): Promise<Evaluation['latency']> {
  const { columns } = await rows.read(0, 1)
  const own = Object.fromEntries(contender.signature.inputs.map(({ name }) => [name, columns[name]!]))
  return onnx.latency(contender.file, own, signal)
}

interface ImportanceJob {
  readonly onnx: Onnx
  readonly rows: TestRows
  readonly contender: Contender
  readonly loss: LossName
  readonly signal: AbortSignal | undefined
}

async function importanceOf({ onnx, rows, contender, loss, signal }: ImportanceJob): Promise<Record<string, number>> {
  const { labels, columns } = await rows.read(0, rows.count, Math.ceil(rows.count / importanceRowsMax))
  const own = Object.fromEntries(contender.signature.inputs.map(({ name }) => [name, columns[name]!]))
  return permutationImportance(own, async changed =>
    rowLosses(loss, labels, await scoresOf(onnx, contender, changed, signal)),
  )
}
