import { scoreOutput } from '#registry/signature.ts'
import { bucketOf } from '../latency.ts'
import { scoreBucket } from '../score-bucket.ts'
import { shadowLine, type ShadowLine } from '../shadow-line.ts'
import { hashToUnit } from '../traffic.ts'
import { agreementOf } from './agreement.ts'
import type { PredictionLog } from './prediction-log.ts'
import type { LiveDeployment, LiveRevision } from './route-table.ts'
import type { OutputColumn } from './runtime.ts'

/** An answered request, as its shadows need it. */
export interface Answered {
  readonly deployment: LiveDeployment
  readonly revision: LiveRevision
  readonly predictionId: string
  readonly rows: number
  readonly outputs: readonly OutputColumn[]
  /** How long its inputs and its run took, in milliseconds. */
  readonly ms: number
  /** The same request in terms of another revision. */
  ask(revision: LiveRevision): Promise<readonly OutputColumn[]>
}

/** Gives copies of requests to revisions that answer nobody, and compares. */
export interface Shadows {
  /** Called when the answer is decided; whatever the shadow does then changes nothing for who asked. */
  follow(answered: Answered): void
  /** Rows to which shadows of a deployment have said something else. */
  readonly disagreed: ReadonlyMap<string, number>
  /** Writes down what has been compared so far. */
  flush(): void
}

const flushMs = 500
/** Copies at a time; more are dropped: a shadow never makes a request wait for long. */
const copiesMax = 16

export function createShadows(log: Pick<PredictionLog, 'append'> | undefined): Shadows {
  const tallies = new Map<string, ShadowLine>()
  const disagreed = new Map<string, number>()
  let copies = 0
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const lines = [...tallies.values()].map(shadowLine).join('')
    tallies.clear()
    // What cannot be written is told by the predictions that cannot be.
    if (lines !== '') log?.append(lines).catch(() => {})
  }

  function tallyOf(shadow: string, { deployment, revision }: Answered): ShadowLine {
    const key = `${shadow} ${revision.id}`
    const found = tallies.get(key)
    if (found) return found
    timer ??= setTimeout(flush, flushMs).unref()
    const none = { rows: 0, agreed: 0, errors: 0, dropped: 0, differenceSum: 0, differenceMax: 0 }
    const tally = {
      shadow,
      against: revision.id,
      deployment: deployment.name,
      ...none,
      latency: {},
      againstLatency: {},
      scores: {},
      againstScores: {},
    }
    tallies.set(key, tally)
    return tally
  }

  async function copy(shadow: LiveRevision, answered: Answered): Promise<void> {
    if (copies >= copiesMax) return void tallyOf(shadow.id, answered).dropped++
    copies++
    const startedAt = performance.now()
    try {
      const outputs = await answered.ask(shadow)
      const tally = tallyOf(shadow.id, answered)
      const agreement = agreementOf(answered.outputs, outputs, answered.rows)
      tally.rows += agreement.rows
      tally.agreed += agreement.agreed
      const { name } = answered.deployment
      disagreed.set(name, (disagreed.get(name) ?? 0) + agreement.rows - agreement.agreed)
      tally.differenceSum += agreement.differenceSum
      tally.differenceMax = Math.max(tally.differenceMax, agreement.differenceMax)
      count(tally.latency, bucketOf(performance.now() - startedAt))
      count(tally.againstLatency, bucketOf(answered.ms))
      countScores(tally, shadow, { given: answered.outputs, other: outputs })
    } catch {
      tallyOf(shadow.id, answered).errors++
    } finally {
      copies--
    }
  }

  return {
    disagreed,
    follow(answered) {
      for (const shadow of answered.deployment.revisions)
        if (shadow.shadow > 0 && hashToUnit(`${shadow.id} ${answered.predictionId}`) * 100 < shadow.shadow)
          setImmediate(() => void copy(shadow, answered))
    },
    flush,
  }
}

function count(buckets: Record<string, number>, bucket: number | undefined): void {
  if (bucket !== undefined) buckets[bucket] = (buckets[bucket] ?? 0) + 1
}

/** Counts the scores of both, where the output that is the shadow's score is one of the other's, too. */
function countScores(
  tally: ShadowLine,
  { model }: LiveRevision,
  { given, other }: { given: readonly OutputColumn[]; other: readonly OutputColumn[] },
): void {
  const { output, column } = scoreOutput(model.manifest.signature)
  const [before, after] = [given, other].map(outputs => outputs.find(({ name }) => name === output))
  if (!before || !after || before.width !== after.width) return
  for (const [buckets, { width, values }] of [
    [tally.againstScores, before],
    [tally.scores, after],
  ] as const)
    for (let at = column; at < values.length; at += width) count(buckets, scoreBucket(Number(values[at])))
}
