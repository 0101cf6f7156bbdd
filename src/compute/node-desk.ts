import type { Readable } from 'node:stream'
import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { conflict, invalid, notFound, TrainyardError } from '#kernel/error.ts'
import { readTree, writeTree, type Blob, type Blobs, type Tree } from '#storage'
import type { Checkpoints } from './checkpoints.ts'
import { hashOfNodeSecret, unseal } from './node-token.ts'
import type { NodeName, Output, Remote, RemoteStore } from './store.ts'
import {
  AssignedSecrets,
  type AssignedFile,
  type Assignment,
  type Claimed,
  type NodeEnd,
  type NodeHost,
} from './wire.ts'

/** What nodes of other machines ask and say, each about the one attempt that its token is of. */
export interface NodeDesk {
  /** Throws `unauthorized` for a token that is none, `forbidden` for another attempt's, `conflict` when it has ended. */
  admit(attempt: string, secret: string | undefined): Promise<void>
  /** What to do. Throws `conflict` when another process has asked before: an attempt is begun once. */
  claim(node: NodeName, secret: string, host: NodeHost): Promise<Claimed>
  /** Bytes of the attempt's code or inputs. Throws `not_found` for any others. */
  blob(attempt: string, digest: Digest): Promise<Readable>
  log(node: NodeName, piece: { position: number; bytes: Buffer }): Promise<number>
  /** Why the task is to end, once it is. */
  beat(node: NodeName): Promise<string | undefined>
  putOutput(node: NodeName, name: string, bytes: Readable): Promise<Blob>
  /** An output that is a folder, of files that were put. Throws `invalid` for one that was not. */
  putOutputFolder(node: NodeName, name: string, files: readonly AssignedFile[]): Promise<Output>
  /** Takes a file of a folder. */
  putFile(node: NodeName, bytes: Readable): Promise<Blob>
  /** Keeps files that were put for the next attempt. Throws `invalid` for one that was not. */
  keepCheckpoint(node: NodeName, files: readonly AssignedFile[]): Promise<void>
  end(node: NodeName, end: NodeEnd): Promise<void>
}

/** Under this name, which no output can have, lies what a node has measured. */
export const metricsName = '$metrics'
const remembered = 256

interface Deps {
  readonly store: RemoteStore
  readonly blobs: Blobs
  readonly checkpoints: Pick<Checkpoints, 'keep'>
  readonly clock: Clock
  /** Called when a node has ended or said something, for whoever follows the attempt here. */
  heard(attempt: string): void
}

export function createNodeDesk({ store, blobs, checkpoints, clock, heard }: Deps): NodeDesk {
  const known = createKnown<ReadonlySet<Digest>>()

  async function open(attempt: string): Promise<Remote> {
    const remote = await store.find(attempt)
    if (!remote || remote.isClosed) throw over(attempt)
    return remote
  }

  const requireNode = async (node: NodeName): Promise<void> => {
    if (!(await store.seen(node, clock.now()))) throw twice(node)
  }

  return {
    async admit(attempt, secret) {
      const owner = secret === undefined ? undefined : await store.ofToken(hashOfNodeSecret(secret), clock.now())
      if (!owner)
        throw new TrainyardError('unauthorized', 'The token of the attempt is missing, unknown or has expired.')
      if (owner.attempt !== attempt) throw new TrainyardError('forbidden', 'The token is of another attempt.')
      await open(attempt)
    },

    async claim(node, secret, host) {
      const { assignment, stop } = await open(node.attempt)
      const { sealed } = (await store.ofToken(hashOfNodeSecret(secret), clock.now()))!
      if (stop !== undefined) throw over(node.attempt)
      if (!(await store.claim({ ...node, host, at: clock.now() }))) throw twice(node)
      heard(node.attempt)
      const secrets = AssignedSecrets.parse(JSON.parse(unseal(secret, sealed)))
      return {
        assignment: { ...assignment, ...secrets },
        files: await filesOf(blobs, assignment.code),
        checkpoint: await filesOf(blobs, assignment.checkpoint?.tree),
        folders: await foldersOf(blobs, assignment),
      }
    },

    async blob(attempt, digest) {
      const readable = await known.get(attempt, async () => readableOf(blobs, (await open(attempt)).assignment))
      if (!readable.has(digest)) throw notFound('file of the attempt', digest)
      return blobs.read(digest)
    },

    async log(node, piece) {
      const next = await store.appendLog(node, piece)
      if (next === undefined) throw twice(node)
      heard(node.attempt)
      return next
    },

    async beat(node) {
      await requireNode(node)
      return (await open(node.attempt)).stop
    },

    ...handInDesk({ store, blobs, checkpoints, open, requireNode }),

    async end(node, end) {
      if (!(await store.end(node, end))) throw twice(node)
      heard(node.attempt)
    },
  }
}

interface HandInDesk extends Pick<Deps, 'store' | 'blobs' | 'checkpoints'> {
  open(attempt: string): Promise<Remote>
  requireNode(node: NodeName): Promise<void>
}

/** What nodes hand in: outputs, and what is kept for the next attempt. */
function handInDesk({
  store,
  blobs,
  checkpoints,
  open,
  requireNode,
}: HandInDesk): Pick<NodeDesk, 'putOutput' | 'putOutputFolder' | 'putFile' | 'keepCheckpoint'> {
  async function put(node: NodeName, bytes: Readable): Promise<Blob> {
    await requireNode(node)
    const blob = await blobs.put(bytes)
    // Large files take a while.
    await requireNode(node)
    return blob
  }

  return {
    async putOutput(node, name, bytes) {
      const { assignment } = await open(node.attempt)
      if (name !== metricsName) requireOutput(assignment, name)
      const blob = await put(node, bytes)
      await store.putOutput({ attempt: node.attempt, name, ...blob })
      return blob
    },

    async putOutputFolder(node, name, files) {
      requireOutput((await open(node.attempt)).assignment, name)
      await requireNode(node)
      const output = await putFiles(blobs, files)
      await store.putOutput({ attempt: node.attempt, name, ...output })
      return output
    },

    async putFile(node, bytes) {
      await open(node.attempt)
      return put(node, bytes)
    },

    async keepCheckpoint(node, files) {
      const { key, attempt } = requireCheckpoint(await open(node.attempt))
      await requireNode(node)
      const { digest } = await putFiles(blobs, files)
      if (!(await checkpoints.keep({ key, number: attempt }, digest))) throw over(node.attempt)
    },
  }
}

const over = (attempt: string): TrainyardError =>
  conflict(`The attempt ${attempt} has ended: nothing of it is wanted any more.`, { attempt })

const twice = ({ attempt, rank }: NodeName): TrainyardError =>
  conflict(`Node ${rank} of the attempt ${attempt} is another process.`, { attempt, rank })

function requireCheckpoint({ attempt, assignment }: Remote): NonNullable<Assignment['checkpoint']> {
  if (!assignment.checkpoint) throw notFound('checkpoint of the attempt', attempt)
  return assignment.checkpoint
}

function requireOutput({ outputs }: Assignment, name: string): void {
  if (!outputs.includes(name)) throw notFound('output of the attempt', name)
}

/** The tree of files that are there already. */
async function putFiles(blobs: Blobs, files: readonly AssignedFile[]): Promise<Required<Output>> {
  const tree: Record<string, Tree[string]> = {}
  for (const { path, digest, executable } of files) {
    const found = await blobs.keep(digest)
    if (!found) throw invalid('A file was not put.', [{ field: path, value: digest, allowed: 'the digest of a file' }])
    tree[path] = { ...found, executable }
  }
  const size = Object.values(tree).reduce((sum, file) => sum + file.size, 0)
  return { digest: await writeTree(blobs, tree), size, files: files.length }
}

/** The files of inputs that are folders, by name. */
async function foldersOf(blobs: Blobs, { inputs }: Assignment): Promise<Record<string, AssignedFile[]>> {
  const folders: Record<string, AssignedFile[]> = {}
  for (const input of inputs)
    if ('files' in input && input.files !== undefined) folders[input.name] = await filesOf(blobs, input.digest)
  return folders
}

const filesOf = async (blobs: Blobs, tree: Digest | undefined): Promise<AssignedFile[]> =>
  tree === undefined
    ? []
    : Object.entries(await readTree(blobs, tree)).map(([path, { digest, executable }]) => ({
        path,
        digest,
        executable,
      }))

/** What the nodes of an attempt may read. */
async function readableOf(blobs: Blobs, assignment: Assignment): Promise<ReadonlySet<Digest>> {
  const inputs = assignment.inputs.flatMap(input => ('digest' in input ? [input.digest] : []))
  const trees = [
    await filesOf(blobs, assignment.code),
    await filesOf(blobs, assignment.checkpoint?.tree),
    ...Object.values(await foldersOf(blobs, assignment)),
  ]
  return new Set([...inputs, ...trees.flat().map(({ digest }) => digest)])
}

/** Keeps the answers about the last attempts: a node asks for one file after the other. */
function createKnown<T>(): { get(attempt: string, find: () => Promise<T>): Promise<T> } {
  const kept = new Map<string, T>()
  return {
    async get(attempt, find) {
      const found = kept.get(attempt) ?? (await find())
      if (kept.size >= remembered) kept.delete(kept.keys().next().value!)
      kept.set(attempt, found)
      return found
    },
  }
}
