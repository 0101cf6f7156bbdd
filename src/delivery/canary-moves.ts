import { digestOf } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { DeploymentSpec } from '#project'
import type { TaskCall } from '#workflow'
import type { CanaryMove } from './canary.ts'
import type { DeliveryParts, DeployedRevision, Rollouts } from './parts.ts'
import type { DecidedMove } from './store.ts'

/** What is decided of a canary in one run, with what it was decided on. */
interface Moves {
  /** The moves so far, the last of which gave the canary the weight that it has: what nobody has noted yet is noted. */
  catchUp(): Promise<readonly DecidedMove[]>
  add(move: CanaryMove['move'], weight: number, reason: string): Promise<void>
}

interface Look {
  readonly revision: DeployedRevision
  readonly seen: Awaited<ReturnType<Rollouts['guard']>>
  readonly policy: DeploymentSpec['canary'] | undefined
}

export function createMoves(
  { store, clock }: Pick<DeliveryParts, 'store' | 'clock'>,
  { run }: TaskCall,
  { revision, seen, policy }: Look,
): Moves {
  async function add(move: CanaryMove['move'], weight: number, reason: string): Promise<void> {
    const { since, reason: _, ...found } = seen
    await store.addMove({
      ...found,
      run: run.id,
      deployment: revision.deployment,
      revision: revision.id,
      move,
      weight,
      at: clock.now(),
      actor: run.actor,
      reason,
      since: since as DecidedMove['since'],
      policy: digestOf(canonicalJson(policy ?? null)),
    })
  }

  return {
    add,
    async catchUp() {
      const known = await store.movesOf(run.id)
      const { weight } = revision
      if (known.at(-1)?.weight === weight) return known
      // Decided, and not done: a process ended in between. It is decided again, on what there was to decide on.
      if (known.at(-2)?.weight === weight && known.at(-1)!.move !== 'found') return known.slice(0, -1)
      await (known.length === 0
        ? add('begin', weight, run.cause.reason)
        : add('found', weight, `It takes ${weight} %, which was not decided here.`))
      return store.movesOf(run.id)
    },
  }
}
