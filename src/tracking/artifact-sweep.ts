import type { Clock, Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import type { Digest } from '#kernel/digest.ts'
import { conflict } from '#kernel/error.ts'
import type { BlobTrash, Trashed } from '#storage'
import type { ArtifactStore } from './artifact-store.ts'

/**
 * Frees the bytes of artifacts that are gone. A digest that lost a path longer ago than the grace, and was not written
 * since, goes to the trash when nothing refers to it; after another grace, when still nothing refers to it, it is
 * removed. Whatever reads or writes it meanwhile brings it back. What fails leaves bytes where they are.
 */
export interface ArtifactSweep {
  /** What a pass would do now. Changes nothing. */
  preview(): Promise<SweepReport>
  /** Says that the blobs are this database's. Throws `conflict` when another database has used them too. */
  claim(): Promise<void>
  /** Does it. Throws `conflict` like `claim`, and while another process does it. */
  run(): Promise<SweepReport>
  /** Ends a pass that is under way before its next change, and lets none begin. */
  stop(): Promise<void>
}

export interface Amount {
  readonly blobs: number
  readonly bytes: number
}

/** What became of the bytes that lost a path. */
export interface SweepReport {
  /** Removed for good. */
  readonly freed: Amount
  /** Moved to the trash. */
  readonly trashed: Amount
  /** In the trash before, and still there. */
  readonly waiting: Amount
  /** Referred to by something else, or written again: where they were, or back from the trash. */
  readonly kept: Amount
}

export interface ArtifactSweepParts {
  readonly store: ArtifactStore
  readonly trash: BlobTrash
  /** Which of some digests anything refers to. */
  referredTo(asked: ReadonlySet<Digest>, signal: AbortSignal): Promise<ReadonlySet<Digest>>
  readonly clock: Clock
  /** Names this process among those that share the database. */
  readonly owner: string
  readonly graceMs: number
  /** Fresh text that nobody guesses. */
  newName(): string
}

const atOnce = 100_000
/** Longer than a pass; a process that ends in the midst of one takes its own lease back. */
const leaseMs = 2 * 3_600_000

interface Pass {
  readonly now: Millis
  /** Only what was dropped, written and thrown away before this instant is looked at. */
  readonly before: number
  readonly due: readonly Trashed[]
  readonly dropped: readonly Digest[]
  readonly referred: ReadonlySet<Digest>
  readonly waiting: ReadonlyMap<Digest, number>
}

export function createArtifactSweep(parts: ArtifactSweepParts): ArtifactSweep {
  const { store, trash, clock, owner } = parts
  const stopping = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  let isRunning = false
  const tracked = <Result>(work: Promise<Result>): Promise<Result> => {
    running = Promise.allSettled([running, work])
    return work
  }

  async function claim(): Promise<void> {
    if (!(await trash.claim(await store.secret('blobs', parts.newName()))))
      throw conflict(
        'Another database has used this folder of blobs, and what it refers to cannot be seen here. If that database is gone, remove its file in `databases/` of the folder.',
      )
  }

  async function pass(): Promise<SweepReport> {
    const now = clock.now()
    await claim()
    if (!(await store.lease(owner, now, now + leaseMs))) throw busy()
    try {
      return await sweep(parts, stopping.signal)
    } finally {
      await store.lease(owner, now, 0)
    }
  }

  async function run(): Promise<SweepReport> {
    if (isRunning) throw busy()
    isRunning = true
    return pass().finally(() => (isRunning = false))
  }

  return {
    claim: () => tracked(claim()),
    preview: () => tracked(look(parts, stopping.signal).then(foreseen(parts))),
    run: () => tracked(run()),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const busy = (): Error => conflict('Bytes are being freed already.')

/** What there is to decide on, and what is referred to: nothing is asked of the database when there is nothing. */
async function look(
  { store, trash, clock, graceMs, referredTo }: ArtifactSweepParts,
  signal: AbortSignal,
): Promise<Pass> {
  const now = clock.now()
  const before = now - graceMs
  const due: Trashed[] = []
  const waiting = new Map<Digest, number>()
  for await (const trashed of trash.list()) {
    if (trashed.at < before) due.push(trashed)
    else waiting.set(trashed.digest, trashed.size)
  }
  const gone = new Set(due.map(({ digest }) => digest))
  const dropped = (await store.dropped(before, atOnce)).map(({ digest }) => digest).filter(digest => !gone.has(digest))
  const asked = new Set([...gone, ...dropped])
  return { now, before, due, dropped, waiting, referred: asked.size === 0 ? asked : await referredTo(asked, signal) }
}

async function sweep(parts: ArtifactSweepParts, signal: AbortSignal): Promise<SweepReport> {
  const { trash } = parts
  const pass = await look(parts, signal)
  const tally = createTally()
  for (const [, size] of pass.waiting) tally.waiting(size)
  await emptyTrash(parts, pass, { tally, signal })
  await discardDropped(parts, pass, { tally, signal })
  await trash.sweepIncoming(parts.graceMs)
  return tally.report()
}

interface Course {
  readonly tally: Tally
  readonly signal: AbortSignal
}

async function emptyTrash(
  { store, trash }: ArtifactSweepParts,
  { due, referred, before, now }: Pass,
  { tally, signal }: Course,
): Promise<void> {
  const kept = due.filter(({ digest }) => referred.has(digest))
  for (const { digest, size } of kept) {
    await trash.restore(digest)
    tally.kept(size)
  }
  await store.postpone(unique(kept), before, now)
  const freed: Trashed[] = []
  for (const trashed of due) {
    if (referred.has(trashed.digest)) continue
    signal.throwIfAborted()
    if (!(await trash.remove(trashed))) continue
    crashPoint('blobs.freed')
    freed.push(trashed)
    tally.freed(trashed.size)
  }
  await store.forget(unique(freed), before)
}

async function discardDropped(
  { store, trash }: ArtifactSweepParts,
  { dropped, referred, waiting, before, now }: Pass,
  { tally, signal }: Course,
): Promise<void> {
  const [later, gone]: [Digest[], Digest[]] = [[], []]
  for (const digest of dropped) {
    signal.throwIfAborted()
    const found = await trash.inPlace(digest)
    const moved = found && !referred.has(digest) ? await trash.discard(digest, { at: now, before }) : undefined
    if (moved) tally.trashed(moved.size)
    else if (found) tally.kept(found.size)
    // Nowhere: freed before, and the process ended before it could say so.
    ;(found || waiting.has(digest) ? later : gone).push(digest)
  }
  await store.postpone(later, before, now)
  await store.forget(gone, before)
}

const foreseen =
  ({ trash }: ArtifactSweepParts) =>
  async ({ due, dropped, referred, waiting, before }: Pass): Promise<SweepReport> => {
    const tally = createTally()
    for (const [, size] of waiting) tally.waiting(size)
    for (const { digest, size } of due) {
      const isKept = referred.has(digest) || (await trash.inPlace(digest)) !== undefined
      if (isKept) tally.kept(size)
      else tally.freed(size)
    }
    for (const digest of dropped) {
      const found = await trash.inPlace(digest)
      if (!found) continue
      if (referred.has(digest) || found.writtenAt >= before) tally.kept(found.size)
      else tally.trashed(found.size)
    }
    return tally.report()
  }

const unique = (trashed: readonly Trashed[]): readonly Digest[] => [...new Set(trashed.map(({ digest }) => digest))]

type Tally = Record<keyof SweepReport, (bytes: number) => void> & { report(): SweepReport }

function createTally(): Tally {
  const amounts = { freed: none(), trashed: none(), waiting: none(), kept: none() }
  const add = (kind: keyof SweepReport) => (bytes: number) => {
    amounts[kind].blobs += 1
    amounts[kind].bytes += bytes
  }
  return {
    freed: add('freed'),
    trashed: add('trashed'),
    waiting: add('waiting'),
    kept: add('kept'),
    report: () => amounts,
  }
}

const none = (): { blobs: number; bytes: number } => ({ blobs: 0, bytes: 0 })
