import { setTimeout as sleep } from 'node:timers/promises'
import type { DeferralRule } from '../deferrals-file.ts'
import { refusal, type Call, type Reply } from './call.ts'
import type { DeferralFiles, DeferredRequest } from './deferral-files.ts'
import { beginCourse } from './infer.ts'
import { givenId } from './queue/given-id.ts'
import { RequestError } from './request-error.ts'

/** Answers accepted requests, some at a time, in the order of their coming. */
export interface DeferralWork {
  /** Begins with those that are there. */
  open(answer: (call: Call) => Promise<Reply>): void
  add(id: string): void
  /** Begins no more, and waits a while for those that have begun. */
  stop(): Promise<void>
}

export interface DeferralWorkParts {
  readonly files: DeferralFiles
  rule(deployment: string): DeferralRule | undefined
  /** It is done with here, one way or another. */
  ended(id: string): void
  warn(sentence: string): void
}

const [atOnce, busyPauseMs, stopMsMax] = [4, 500, 10_000]
/** Not now, but later: the deployment is busy, or not loaded. */
const later: readonly number[] = [404, 429, 503]

export function createDeferralWork(parts: DeferralWorkParts): DeferralWork {
  const { ended, warn } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  const waiting: string[] = []
  const running = new Set<Promise<void>>()
  let answer: ((call: Call) => Promise<Reply>) | undefined

  function pump(): void {
    while (answer && !signal.aborted && running.size < atOnce && waiting.length > 0) {
      const id = waiting.shift()!
      const work: Promise<void> = respond(parts, id, { answer, signal })
        .catch((error: unknown) => warn(`The deferred request ${id} could not be answered: ${String(error)}`))
        .finally(() => {
          running.delete(work)
          ended(id)
          pump()
        })
      running.add(work)
    }
  }

  return {
    open(given) {
      answer = given
      pump()
    },
    add(id) {
      waiting.push(id)
      pump()
    },
    async stop() {
      stopping.abort()
      await Promise.race([Promise.all(running), sleep(stopMsMax, undefined, { ref: false })])
    },
  }
}

interface Answering {
  answer(call: Call): Promise<Reply>
  readonly signal: AbortSignal
}

/** In this order, so that whatever is interrupted is gone on with: the answer, who is to be told of it, the end. */
async function respond({ files, rule }: DeferralWorkParts, id: string, answering: Answering): Promise<void> {
  const request = await files.read(id)
  if (!request) return
  const { deployment } = request
  const { deadlineMs = 0, webhook } = rule(deployment) ?? {}
  if (!(await files.answer(deployment, id))) {
    const reply = await replyTo(request, request.acceptedAt + deadlineMs, answering)
    if (!reply) return
    await files.putAnswer(answerOf(request, reply))
  }
  const now = Date.now()
  if (webhook) await files.putHook({ id, deployment, attempts: 0, since: now, nextAt: now })
  await files.done(id)
}

/** Undefined when this process ends before there is an answer. */
async function replyTo(
  request: DeferredRequest,
  until: number,
  { answer, signal }: Answering,
): Promise<Reply | undefined> {
  while (!signal.aborted) {
    const leftMs = until - Date.now()
    if (leftMs <= 0)
      return refusal(
        new RequestError(
          'deadline_exceeded',
          `There was no answer within the time that ${request.deployment} gives it.`,
        ),
        request.id,
      )
    const reply = await answer(callOf(request, leftMs))
    // What fails in a server that ends may be the ending's fault.
    if (!later.includes(reply.status) && !(signal.aborted && reply.status >= 500)) return reply
    await sleep(Math.min(busyPauseMs, leftMs), undefined, { signal }).catch(() => {})
  }
  return undefined
}

/** Who asked was let in when the request was accepted. */
function callOf({ id, caller, path, headers, body, acceptedAt }: DeferredRequest, allowedMs: number): Call {
  const yes = (): boolean => true
  return {
    id,
    method: 'POST',
    path,
    headers,
    body: Buffer.from(body, 'base64'),
    caller: { ...caller, reads: yes, asks: yes, manages: () => false, readsAll: false, isKeeper: false },
    course: beginCourse(),
    deferred: { allowedMs, idOf: row => givenId(acceptedAt, JSON.stringify([id, row])) },
  }
}

const answerOf = ({ id, deployment, acceptedAt }: DeferredRequest, { status, type, headers, body }: Reply) => ({
  id,
  deployment,
  status,
  type: type ?? 'application/json',
  headers: { ...headers },
  body: Buffer.from(body).toString('base64'),
  acceptedAt,
  answeredAt: Date.now(),
})
