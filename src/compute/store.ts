import type { Blob } from '#storage'
import type { AttemptId } from '#workflow'
import type { Assignment, NodeEnd, NodeHost } from './wire.ts'

/**
 * Where the platform and the nodes of an attempt leave word for each other, so that either may be away, and whichever
 * process of the platform hears a node, the one that follows the attempt finds it.
 *
 * Adapters must pass store.contract.ts.
 */
export interface RemoteStore {
  /** Notes an attempt before its job is submitted; a repeat changes nothing. */
  open(draft: { attempt: AttemptId; executor: string; assignment: Assignment; at: number }): Promise<void>
  find(attempt: string): Promise<Remote | undefined>
  /** Attempts of an executor that are not closed. */
  openOf(executor: string): Promise<readonly Remote[]>
  setJob(attempt: string, job: string): Promise<void>
  /** Lets nodes know that the attempt is to end. The first reason stays. */
  stop(attempt: string, reason: string): Promise<void>
  /** Accepts nothing from nodes any more. */
  close(attempt: string, at: number): Promise<void>
  /** Forgets attempts that were closed before this instant. Returns how many. */
  sweep(before: number): Promise<number>

  addToken(token: { hash: string; attempt: string; sealed: string; expiresAt: number }): Promise<void>
  /** The attempt that a token is of, while it is good, and what is sealed with it. */
  ofToken(hash: string, now: number): Promise<{ attempt: string; sealed: string } | undefined>

  /** Whether this instance is the node of that rank: the first that asks is. */
  claim(claim: { attempt: string; rank: number; instance: string; host: NodeHost; at: number }): Promise<boolean>
  nodes(attempt: string): Promise<readonly RemoteNode[]>
  /** Whether the instance is the node of its rank, and notes that it was heard of. */
  seen(node: NodeName, at: number): Promise<boolean>
  /**
   * Takes a piece of a node's log that begins at `position`, if all before it has come; answers how much has come now.
   * Undefined when the instance is not the node of its rank.
   */
  appendLog(node: NodeName, piece: { position: number; bytes: Buffer }): Promise<number | undefined>
  /**
   * Hands out pieces that have come, in order, and drops them once they are written; when that throws, they stay. Of
   * several who ask at once, each piece is handed to one. Returns how many there were.
   */
  drainLog(attempt: string, limit: number, log: LogSink): Promise<number>
  /** Notes what a node has handed in; a repeat replaces it. */
  putOutput(output: { attempt: string; name: string } & Output): Promise<void>
  outputs(attempt: string): Promise<Readonly<Record<string, Output>>>
  /** Notes how a node ended. The first word counts. False when the instance is not the node of its rank. */
  end(node: NodeName, end: NodeEnd): Promise<boolean>
}

/** What pieces of a log are written to. */
export interface LogSink {
  /** How long it is, in bytes. */
  size(): Promise<number>
  /**
   * @param from How long it was when these pieces, or the first of them, began to be written: by a process that may have
   * died of it, so that they may be there already.
   */
  write(pieces: readonly LogPiece[], from: number): Promise<void>
}

/** A file, or a folder by its tree. */
export interface Output extends Blob {
  /** How many there are in a folder. */
  readonly files?: number
}

export interface NodeName {
  readonly attempt: string
  readonly rank: number
  readonly instance: string
}

export interface Remote {
  readonly attempt: AttemptId
  readonly executor: string
  readonly job: string | undefined
  readonly assignment: Assignment
  readonly stop: string | undefined
  readonly isClosed: boolean
}

export interface RemoteNode {
  readonly rank: number
  readonly host: NodeHost
  readonly claimedAt: number
  readonly seenAt: number
  readonly logReceived: number
  readonly end: NodeEnd | undefined
}

export interface LogPiece {
  readonly rank: number
  readonly position: number
  readonly bytes: Buffer
}
