import type { Json } from '#kernel/json.ts'
import type { Edge, Entries, Ledger, NewNode } from '#metadata'
import type { AnyTx } from '#storage'
import { portOf } from './graph.ts'
import type { Artifact, Artifacts, Run, RunTask, TaskId } from './run.ts'
import type { Finished } from './store.ts'

/** What the ledger learns from runs: which task of which run made what, from what, and why it ran. */

/** The node of an output which is bytes and nothing else. */
const artifactId = (task: TaskId, output: string): string => `art_${task.slice(task.indexOf('_') + 1)}_${output}`

export async function recordRun(ledger: Ledger, tx: AnyTx, run: Omit<Run, 'state'>): Promise<void> {
  const { id, project, pipeline, cause, actor, params, revision, commit } = run
  const facts = { cause: cause.reason, kind: cause.kind, actor, params: params as Json }
  const nodes: NewNode[] = [{ id, kind: 'run', label: pipeline, project, facts }]
  const edges: Edge[] = []
  if (revision !== undefined) edges.push({ from: id, to: revision, relation: 'declared_by' })
  // A revision knows its commit. A pipeline of the platform may be about a commit that is no revision, or not yet.
  else if (commit !== undefined) {
    nodes.push({ id: commit, kind: 'commit', label: commit.slice(0, 12), project })
    edges.push({ from: id, to: commit, relation: 'read' })
  }
  if (cause.ref !== undefined && isNodeId(cause.ref)) edges.push({ from: id, to: cause.ref, relation: 'caused_by' })
  await ledger.recordAll(tx, { nodes, edges })
}

const isNodeId = (text: string): boolean => /^[a-z]{2,5}_/.test(text)

/** What a task read and made. */
export interface Given {
  readonly spec: Pick<RunTask, 'inputs'>
  readonly inputs: Artifacts
  /** The tasks that the inputs come from, by name. */
  readonly producers: Readonly<Record<string, { id: TaskId }>>
  /** What it made; nothing unless it succeeded. */
  readonly outputs: Artifacts
  readonly facts: Readonly<Record<string, Json>>
  /** The task whose result it is, when it made nothing itself. */
  readonly producer?: TaskId
}

export function taskEntries({ task, run }: Finished, given: Given): Entries {
  const facts = { kind: task.kind, state: task.state, attempt: task.attempt, ...given.facts }
  const nodes: NewNode[] = [{ id: task.id, kind: 'task', label: task.name, project: run.project, facts }]
  const edges: Edge[] = [{ from: task.id, to: task.parent ?? run.id, relation: 'part_of' }]
  const firstEdges: Edge[] = []
  if (given.producer !== undefined) edges.push({ from: task.id, to: given.producer, relation: 'reused' })
  for (const [name, artifact] of Object.entries(given.inputs)) {
    const { task: producer, output } = portOf(given.spec.inputs[name]!)
    edges.push({ from: task.id, to: nodeOf(artifact, given.producers[producer]!.id, output), relation: 'read' })
  }
  const passedOn = new Set(Object.values(given.inputs).map(artifact => artifact.ref))
  for (const [name, artifact] of Object.entries(given.outputs)) {
    // An output that is one of the inputs was let through, not made.
    if (artifact.ref !== undefined && passedOn.has(artifact.ref)) continue
    const id = nodeOf(artifact, task.id, name)
    if (id === task.id) continue
    if (artifact.ref === undefined)
      nodes.push({ id, kind: 'artifact', label: name, project: run.project, facts: bytesOf(artifact) })
    firstEdges.push({ from: id, to: task.id, relation: 'made_by' })
  }
  return { nodes, edges, firstEdges }
}

/** A thing of the ledger, bytes, or (for a mere value) the task itself. */
function nodeOf({ ref, digest }: Artifact, producer: TaskId, output: string): string {
  if (ref !== undefined) return ref
  return digest === undefined ? producer : artifactId(producer, output)
}

const bytesOf = ({ digest, size }: Artifact): Record<string, Json> => ({
  digest: digest!,
  ...(size !== undefined && { size }),
})
