import type { z } from 'zod'
import { conflict } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { versionRegistered, type ModelVersion } from '#registry'
import { on, type AnyTx, type Handler } from '#storage'
import { approvalState, requireApproved, type Approval, type ApprovalState } from './approval.ts'
import { cardMarkdown, type Card, type Opinion } from './card.ts'
import { versionJudged } from './events.ts'
import { checkSignature, examine } from './examination.ts'
import { declaredOf, named, requireDigest, type AssuranceParts } from './parts.ts'
import { requireHarmless, type Scan } from './scan.ts'
import type { SignatureCheckWire } from './wire.ts'

/** What makes a version trustworthy: its files are read and signed, people approve them, and a card tells all of it. */
export interface Assurance {
  /** Reads and signs the files of a version unless that is done. Throws `conflict` when they are not here. */
  examine(id: string): Promise<Scan>
  /** The signature, held against the files that are there now. */
  signature(id: string): Promise<z.output<typeof SignatureCheckWire>>
  approvals(id: string): Promise<ApprovalState>
  /** Writes down somebody's word. Throws `conflict` when they looked at other files than the version's. */
  judge(id: string, word: Word): Promise<ApprovalState>
  card(id: string): Promise<Card>
  /** Writes what people know; what is not named stays. */
  writeCard(id: string, opinions: Readonly<Partial<Record<Opinion, string>>>, actor: string): Promise<Card>
  /**
   * What the registry asks before a version of a gated model goes to production: reads its files first, and answers
   * what is left to ask inside the transaction. Both throw `conflict`.
   */
  guard(version: ModelVersion): Promise<(tx: AnyTx) => Promise<void>>
  readonly handlers: readonly Handler[]
  stop(): void
}

/** What somebody says about a version. */
export interface Word extends Pick<Approval, 'actor' | 'role' | 'verdict' | 'reason'> {
  /** What they looked at. */
  readonly digest?: string | undefined
}

export function createAssurance(parts: AssuranceParts): Assurance {
  const { store, registry } = parts
  return {
    examine: async id => examine(parts, await registry.version(id)),
    signature: async id => checkSignature(parts, await registry.version(id)),
    async approvals(id) {
      const state = await stateOf(parts, await registry.version(id))
      return state(await store.approvals(id))
    },
    judge: async (id, word) => judge(parts, await registry.version(id), word),
    card: async id => card(parts, await registry.version(id)),
    writeCard: async (id, opinions, actor) => writeCard(parts, await registry.version(id), { opinions, actor }),

    async guard(version) {
      requireHarmless(named(version), await examine(parts, version))
      const state = await stateOf(parts, version)
      return async tx => requireApproved(named(version), state(await store.approvals(version.id, tx)))
    },

    handlers: [
      on(versionRegistered, async ({ data }) => {
        const version = await registry.version(data.version)
        if (version.digest !== undefined) await examine(parts, version)
      }),
    ],
    stop: () => parts.scanner.stop(),
  }
}

/** Looks up what the project asks for, and answers how far some approvals go. */
async function stateOf(
  parts: AssuranceParts,
  version: ModelVersion,
): Promise<(given: readonly Approval[]) => ApprovalState> {
  const rule = (await declaredOf(parts, version)).model?.approvals
  const maker = rule ? await parts.maker(version) : version.user
  return given => approvalState(rule, { digest: version.digest, maker }, given)
}

async function judge(
  parts: AssuranceParts,
  version: ModelVersion,
  { digest: looked, ...word }: Word,
): Promise<ApprovalState> {
  const { db, store, outbox, clock } = parts
  const { id, project, model, version: number } = version
  const digest = requireDigest(version)
  if (looked !== undefined && looked !== digest)
    throw conflict(`${named(version)} has other files than those you looked at.`, { digest, looked })
  const state = await stateOf(parts, version)
  return db.transaction().execute(async tx => {
    await store.addApproval(tx, id, { ...word, id: newId<'approval'>('apr'), digest, at: clock.now() })
    const reached = state(await store.approvals(id, tx))
    const { verdict, reason, actor } = word
    const complete = reached.missing.length === 0
    await outbox.emit(tx, versionJudged, {
      project,
      actor,
      data: { model, version: id, number, verdict, reason, complete },
    })
    return reached
  })
}

const placeOf = ({ project, model, version }: ModelVersion) => ({ project, model, number: version })

async function writeCard(
  parts: AssuranceParts,
  version: ModelVersion,
  { opinions, actor }: { opinions: Readonly<Partial<Record<Opinion, string>>>; actor: string },
): Promise<Card> {
  const { db, store, clock } = parts
  await db.transaction().execute(async tx => {
    for (const [name, text] of Object.entries(opinions))
      await store.putOpinion(tx, placeOf(version), { name: name as Opinion, text, actor, at: clock.now() })
  })
  return card(parts, version)
}

async function card(parts: AssuranceParts, version: ModelVersion): Promise<Card> {
  const { store, origin } = parts
  const { objective } = await declaredOf(parts, version)
  const state = await stateOf(parts, version)
  const opinions = await store.opinions(placeOf(version))
  const markdown = cardMarkdown({
    version,
    goal: objective?.goal,
    target: objective?.target,
    ...(await origin(version)),
    scan: await store.findScan(version.id),
    signed: (await store.findSignature(version.id)) !== undefined,
    approvals: state(await store.approvals(version.id)),
    opinions,
  })
  return { opinions, markdown }
}
