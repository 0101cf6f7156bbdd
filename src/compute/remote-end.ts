import type { Json } from '#kernel/json.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { TaskRecord } from '#workflow'
import { withLines } from './command.ts'
import { exitOf, failed, lost } from './end.ts'
import type { EngineEnd } from './engine.ts'
import type { NodeEnd } from './wire.ts'

/** How an attempt on other machines has ended, in words for who must mend it. */

/** By what the node has said. Undefined when all is well. */
export function errorOfNode(
  { exit, failure, wasTerminated }: NodeEnd,
  lines: readonly string[],
): TrainyardError | undefined {
  if (failure?.cause === 'node') return lost(`${failure.message} Its task is begun again.`)
  if (failure) return withCause(withLines(failure.message, lines), { kind: failure.cause })
  if (!exit || exit.cause === 'succeeded') return undefined
  if (wasTerminated)
    return withCause(withLines('The engine ended the task to take back its place.', lines), { kind: 'preempted' })
  // Nobody who follows it has wanted that: it was ended for having lost touch with the platform.
  if (exit.cause === 'stopped' || exit.cause === 'unwanted') return lost('The node has ended the task by itself.')
  return failed(exit, lines)
}

/** By what the engine says of a job whose nodes have said nothing about their end. */
export function errorOfEngine(end: EngineEnd, hasBegun: boolean, lines: readonly string[]): TrainyardError {
  const { cause } = end
  const words = `${sentences[cause]}${end.because === undefined ? '' : ` The engine says: ${end.because}.`}`
  // What had begun and went without a word is nobody's fault; what never reached the platform will not the next time.
  if (hasBegun && (cause === 'node' || cause === 'exit' || cause === 'succeeded')) return lost(words)
  const kind = cause === 'succeeded' || cause === 'exit' ? 'environment' : (kinds[cause] ?? cause)
  const code = end.code === undefined ? {} : { code: end.code }
  return withCause(withLines(words, lines), { kind, ...code })
}

const sentences: Readonly<Record<EngineEnd['cause'], string>> = {
  succeeded: 'The job ended without a word to the platform.',
  exit: 'The job ended without a word to the platform.',
  cancelled: 'The job was cancelled at the engine.',
  memory: 'The job was killed because it took more memory than there was for it.',
  preempted: 'The engine ended the job to take back its place.',
  node: 'The machine that the job was on is gone.',
  environment: 'What the job needs could not be set up.',
  limit: 'The job took longer than the engine lets it.',
}

/** The causes of the platform, where the engine's have other names. */
const kinds: Readonly<Partial<Record<EngineEnd['cause'], string>>> = {
  memory: 'out_of_memory',
  limit: 'timeout',
  node: 'lost',
  cancelled: 'engine',
}

const withCause = (message: string, cause: Readonly<Record<string, Json>>): TrainyardError =>
  new TrainyardError('task_failed', message, { cause })

/** What is noted of the end. */
export const recordOfEnd = ({ exit, failure }: NodeEnd): NonNullable<TaskRecord['exit']> =>
  exit && !failure ? exitOf(exit) : { cause: failure?.cause ?? 'lost' }
