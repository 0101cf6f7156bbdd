import { invalid } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import { bytesOf } from '#kernel/size.ts'
import type { Attempt } from '#workflow'
import { markName } from './task-environment.ts'
import type { Assignment } from './wire.ts'

/** How nodes of one executor are treated; times in milliseconds. */
export interface NodeTerms {
  readonly graceMs: number
  /** How long a task goes on while the platform is not heard of. */
  readonly patienceMs: number
  /** How long a node may be silent, while the platform listens, before its attempt is lost. */
  readonly silenceMs: number
}

/** How often a node says that it is there: three times within what it may be silent. */
const beatMsOf = ({ silenceMs }: NodeTerms): number => Math.min(3_000, Math.floor(silenceMs / 3))
/** The shim is the second to look at the clock: whoever follows the attempt is the first. */
const backstopMs = 30_000

/** What nodes are told of an attempt, secrets apart. Throws `invalid` for what cannot be done on another machine. */
export function assignmentOf(
  attempt: Attempt,
  terms: NodeTerms,
  checkpoint?: { everyMs: number; tree: Digest | undefined },
): Assignment {
  const { spec, code, inputs, timeoutMs, logFile } = attempt
  const { memory } = spec.resources ?? {}
  return {
    command: spec.run!,
    mark: `${markName}=${attempt.id}`,
    inputs: Object.entries(inputs).map(([name, artifact]) => {
      if (artifact.digest !== undefined) {
        const { digest, size = 0, files } = artifact
        return { name, digest, size, ...(files !== undefined && { files }) }
      }
      if (artifact.value !== undefined) return { name, value: JSON.stringify(artifact.value) }
      throw invalid('A command reads files.', [
        { field: `inputs.${name}`, value: artifact.ref, allowed: 'an output with bytes or a value' },
      ])
    }),
    outputs: [...spec.outputs],
    ...(code !== undefined && { code }),
    ...(spec.environment?.python !== undefined && { python: spec.environment.python }),
    ...(checkpoint && { checkpoint: { ...checkpoint, key: attempt.key, attempt: attempt.number } }),
    graceMs: terms.graceMs,
    timeoutMs: timeoutMs + backstopMs,
    ...(memory !== undefined && { memoryBytes: bytesOf(memory) }),
    logMax: logFile.bytesMax,
    beatMs: beatMsOf(terms),
    patienceMs: terms.patienceMs,
  }
}
