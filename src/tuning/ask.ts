import { durationMs } from '#kernel/duration.ts'
import { conflict } from '#kernel/error.ts'
import type { AnyTx } from '#storage'
import type { Memory } from './memory.ts'
import {
  end,
  endIfDue,
  findStudy,
  parentTag,
  prepareNames,
  type ChangingParts,
  type StudyKey,
  type TuningParts,
} from './parts.ts'
import { assignmentOf } from './plane.ts'
import { propose } from './sampler.ts'
import type { StoredStudy, StoredTrial } from './store.ts'

export interface AskRequest {
  readonly count: number
  /** The same key is given the same trials. */
  readonly key?: string | undefined
  /** The workflow run that runs the study's trials: nobody else is given any. */
  readonly run?: string | undefined
}

export interface Asked {
  readonly study: StoredStudy
  readonly trials: readonly StoredTrial[]
}

/** Gives trials to whoever runs them: first those that were given away and never heard of again, then new ones. */
export function createAsk(
  parts: ChangingParts,
  memory: Memory,
): (key: StudyKey, request: AskRequest) => Promise<Asked> {
  return async (key, request) => {
    const found = await findStudy(parts, key)
    const { id, run } = found
    if (run !== request.run) throw conflict(`The trials of ${key.name} are run by the pipeline run ${run}.`, { run })
    if (run === undefined) await prepareNames(parts, found)
    return parts.change(id, (tx, study) => give(parts, tx, { memory, study, request }))
  }
}

interface Giving {
  readonly memory: Memory
  readonly study: StoredStudy
  readonly request: AskRequest
}

async function give(parts: TuningParts, tx: AnyTx, { memory, study, request }: Giving): Promise<Asked> {
  const { store, clock } = parts
  const { count, key } = request
  const before = key === undefined ? [] : await store.asked(tx, study.id, key)
  if (before.length > 0) return { study, trials: before }
  const current = await endIfDue(parts, tx, study)
  if (current.criterion !== undefined) return { study: current, trials: [] }
  const now = clock.now()
  const leaseUntil = study.run === undefined ? now + durationMs(study.spec.lease) : undefined
  const again =
    leaseUntil === undefined
      ? []
      : await store.takeExpired(tx, study.id, { now, limit: count, leaseUntil, askKey: key, revision: study.revision })
  const wanted = Math.min(count - again.length, study.spec.trials - study.asked)
  const fresh = await draw(parts, tx, { memory, study, key, from: again.length, count: wanted, leaseUntil })
  const counts = { ...study.counts, running: study.counts.running + fresh.length }
  const given = { ...study, asked: study.asked + fresh.length, counts }
  if (fresh.length < wanted && counts.running === 0) return { study: await end(parts, tx, given, 'space'), trials: [] }
  await store.update(tx, study.id, given)
  return { study: given, trials: [...again, ...fresh] }
}

interface Drawing {
  readonly memory: Memory
  readonly study: StoredStudy
  readonly key: string | undefined
  /** How many trials of this ask there are already. */
  readonly from: number
  readonly count: number
  readonly leaseUntil: number | undefined
}

/** New trials, each drawn with those before it running; fewer when there is no place left. */
async function draw(
  { store, tracking, clock }: TuningParts,
  tx: AnyTx,
  { memory, study, key, from, count, leaseUntil }: Drawing,
): Promise<readonly StoredTrial[]> {
  const drawn: StoredTrial[] = []
  if (count <= 0) return drawn
  const { plane, history } = await memory.of(tx, study)
  const { spec, revision, project, experiment } = study
  for (let number = study.asked; number < study.asked + count; number++) {
    const proposal = propose(plane, spec.sampler, { history, number, seed: spec.seed })
    if (!proposal) break
    const params = assignmentOf(plane, proposal.places)
    history.put({ number, state: 'running', params, loss: undefined, step: undefined, note: proposal.note })
    const run =
      study.run === undefined
        ? await tracking.runs.begin(tx, {
            project,
            experiment,
            name: `trial ${number}`,
            params,
            tags: [{ key: parentTag, value: study.tracking }],
          })
        : undefined
    const trial = { number, params, tracking: run, leaseUntil, startedAt: clock.now() }
    await store.insertTrial(tx, study.id, {
      ...trial,
      note: proposal.note,
      askKey: key,
      askIndex: from + drawn.length,
      revision,
    })
    drawn.push({
      ...trial,
      state: 'running',
      attempt: 1,
      loss: undefined,
      step: undefined,
      error: undefined,
      endedAt: undefined,
    })
  }
  return drawn
}
