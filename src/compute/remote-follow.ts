import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '#kernel/clock.ts'
import { stopKind, type Attempt } from '#workflow'
import type { Engine, Observation } from './engine.ts'
import { logSink } from './log-sink.ts'
import type { RemoteNode, RemoteStore } from './store.ts'
import { judge, type Verdict } from './verdict.ts'
import type { Watch } from './watch.ts'

/** Goes with an attempt on other machines to its end. */

export interface FollowDeps {
  readonly engine: Engine
  readonly store: RemoteStore
  readonly clock: Clock
  readonly watch: Watch
  readonly graceMs: number
  readonly silenceMs: number
  /** Resolves when a node of the attempt is heard, or after the time. */
  listen(attempt: string, ms: number): Promise<void>
}

const lookMs = 500
const piecesMax = 64
/** A node that was asked to end and has not so long after the grace is ended by its engine. */
const answerMs = 10_000

type End = Exclude<Verdict, { readonly kind: 'waiting' | 'running' }>
export type Ending = End & { readonly nodes: readonly RemoteNode[] }

const isEnd = (verdict: Verdict): verdict is End => verdict.kind !== 'waiting' && verdict.kind !== 'running'

/**
 * Resolves with how it ended, after its log is written. Once the signal is aborted it is made to end: the nodes are asked,
 * after the grace the engine is. Rejects with the signal's reason when the signal only says to leave it.
 */
export async function followRemote(
  deps: FollowDeps,
  attempt: Pick<Attempt, 'id' | 'signal' | 'logFile' | 'log' | 'ran' | 'spec'>,
  job: string,
): Promise<Ending> {
  const { store, clock } = deps
  const { id, signal } = attempt
  const seen = observing(deps, job)
  const listeningSince = clock.now()
  const stopping = stopper(deps, attempt, job)
  let said = ''
  let beganAt: number | undefined
  try {
    for (;;) {
      if (stopKind(signal) === 'left') throw signal.reason
      await writeLog(store, attempt)
      const nodes = await store.nodes(id)
      const nodeCount = attempt.spec.nodes ?? 1
      const now = clock.now()
      const verdict = judge({ nodes, nodeCount, listeningSince, now, ...seen.last }, deps.silenceMs)
      if (isEnd(verdict)) {
        await writeLog(store, attempt)
        return { ...verdict, nodes }
      }
      // The limit is of the whole, which begins with its first node.
      if (beganAt === undefined && nodes[0])
        attempt.ran(now - (beganAt = Math.min(...nodes.map(node => node.claimedAt))))
      said = await tell(attempt, seen.last.observation, said)
      const ended = await stopping.step(nodes, seen.last.observation)
      if (ended) return { ...ended, nodes }
      await deps.listen(id, lookMs)
    }
  } finally {
    seen.end()
  }
}

/** What it waits for stands in the log, each reason once. */
async function tell({ log }: Pick<Attempt, 'log'>, observation: Observation, said: string): Promise<string> {
  const because = 'because' in observation ? (observation.because ?? '') : ''
  if (because === '' || because === said) return said
  log(`${observation.state === 'queued' ? 'Waiting' : 'The engine does not answer'}: ${because}`)
  return because
}

/** What the engine says of the job, and since when it has said so. */
function observing({ watch, clock }: FollowDeps, job: string) {
  let last: { observation: Observation; observedSince: number } = {
    observation: { state: 'unknown', because: '' },
    observedSince: clock.now(),
  }
  let isOver = false
  const look = async (): Promise<void> => {
    while (!isOver) {
      const observation = await watch.see(job)
      const isSame = observation.state === last.observation.state
      last = { observation, observedSince: isSame ? last.observedSince : clock.now() }
    }
  }
  void look()
  return {
    get last() {
      return last
    },
    end: () => void (isOver = true),
  }
}

/** Ends it step by step, once the signal says so: the nodes are asked, then the engine, then it is left to the engine. */
function stopper(deps: FollowDeps, { id, signal }: Pick<Attempt, 'id' | 'signal'>, job: string) {
  const { engine, store, clock, graceMs } = deps
  let askedAt: number | undefined
  let cancelledAt: number | undefined
  const lost = { kind: 'lost', why: 'It was ended.' } as const

  async function cancel(): Promise<void> {
    cancelledAt = clock.now()
    // When it does not answer now, it is asked again the next time.
    await engine.cancel(job).catch(() => (cancelledAt = undefined))
  }

  return {
    async step(nodes: readonly RemoteNode[], { state }: Observation): Promise<typeof lost | undefined> {
      if (!signal.aborted) return undefined
      if (askedAt === undefined) {
        askedAt = clock.now()
        await store.stop(id, stopKind(signal) ?? 'stopped')
      }
      const isGone = state === 'ended' || state === 'absent'
      const waitedMs = clock.now() - askedAt
      if (cancelledAt !== undefined) return isGone || waitedMs > graceMs + 2 * answerMs ? lost : undefined
      // Nobody is there who could be asked, or nobody answers.
      if (nodes.length === 0 || waitedMs > graceMs + answerMs) await cancel()
      return undefined
    },
  }
}

async function writeLog(store: RemoteStore, { id, logFile }: Pick<Attempt, 'id' | 'logFile'>): Promise<void> {
  const log = logSink(logFile.path)
  while ((await store.drainLog(id, piecesMax, log)) === piecesMax);
}

/** Tries until it is done; what cannot be reached now is tried again. */
export async function untilAnswered<T>(
  work: () => Promise<T>,
  { signal, told, isAway }: { signal: AbortSignal; told(error: unknown): void; isAway(error: unknown): boolean },
): Promise<T> {
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 15_000)) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isAway(error)) throw error
      told(error)
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
