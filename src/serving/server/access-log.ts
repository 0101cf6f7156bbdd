import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Visit } from './visit.ts'

/** A line of JSON for each request. */
export interface AccessLog {
  tell(visit: Visit, trace: string | undefined): void
  /** Resolves when all that was told is written. */
  close(): Promise<void>
}

const flushMs = 200
/** Lines that wait for a slow disk beyond this are dropped: who asks is not kept waiting for them. */
const waitingCharsMax = 16 * 1024 * 1024
const fileBytesMax = 64 * 1024 * 1024

/**
 * @param file Where lines go; undefined for the output of the process.
 * @param isKept Of a file above 64 MiB the last one is kept beside it: of several processes that write to it one does so.
 */
export function openAccessLog(file: string | undefined, isKept = true): AccessLog {
  let lines = ''
  let dropped = 0
  let writing: Promise<void> | undefined
  const timer = setInterval(flush, flushMs).unref()

  function flush(): void {
    if (writing || lines === '') return
    const text = dropped === 0 ? lines : `${lines}{"dropped":${dropped}}\n`
    lines = ''
    dropped = 0
    writing = write(file, text, isKept)
      .catch((error: unknown) => void process.stderr.write(`The access log cannot be written: ${String(error)}\n`))
      .finally(() => void (writing = undefined))
  }

  return {
    tell(visit, trace) {
      if (lines.length > waitingCharsMax) dropped++
      else lines += `${JSON.stringify(factsOf(visit, trace))}\n`
    },
    async close() {
      clearInterval(timer)
      await writing
      flush()
      await writing
    },
  }
}

async function write(file: string | undefined, text: string, isKept: boolean): Promise<void> {
  if (file === undefined) return void process.stdout.write(text)
  await mkdir(dirname(file), { recursive: true })
  const { size } = await stat(file).catch(() => ({ size: 0 }))
  if (isKept && size > fileBytesMax) await rename(file, `${file}.1`)
  await appendFile(file, text)
}

/** Times are in milliseconds: the whole, and as far as there was a model to ask, its inputs, its run and its answer. */
export function factsOf({ id, method, path, caller, course, status, refusal, endedAt }: Visit, trace?: string) {
  const { startedAt, boundAt, ranAt, protocol, deployment, revision, rows, predictionId } = course
  return {
    at: new Date(performance.timeOrigin + startedAt).toISOString(),
    request_id: id,
    ...(trace !== undefined && { trace_id: trace }),
    ...(caller !== '' && { client: caller }),
    method,
    path,
    ...(protocol !== undefined && { protocol }),
    ...(deployment !== undefined && { deployment }),
    ...(revision && { revision: revision.id }),
    ...(rows !== undefined && { rows }),
    ...(predictionId !== undefined && { prediction_id: predictionId }),
    status,
    ...(refusal !== undefined && { refusal: refusal.slice(0, refusalMax) }),
    ms: rounded(endedAt - startedAt),
    ...(boundAt !== undefined && { bind_ms: rounded(boundAt - startedAt) }),
    ...(ranAt !== undefined && { run_ms: rounded(ranAt - boundAt!), write_ms: rounded(endedAt - ranAt) }),
  }
}

const refusalMax = 1_000
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000
