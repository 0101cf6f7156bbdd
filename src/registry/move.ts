import type { Clock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Outbox } from '#storage'
import { moveAlias } from './alias-move.ts'
import { stageChanged } from './events.ts'
import type { ModelVersion, Stage } from './model-version.ts'
import type { Held, Permit } from './production.ts'
import { championAlias } from './production-alias.ts'
import type { ModelStore } from './store.ts'
import type { Because } from './because.ts'

export interface Move extends Because {
  readonly to: Stage
}

interface MoveParts {
  readonly store: ModelStore
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly clock: Clock
}

/**
 * The only way to another stage: throws `conflict` unless the permit lets the version go there. With `alone`, whoever
 * was in the stage is archived; behind a gate production is always held alone, and the alias `champion` goes with it.
 */
export async function changeStage(
  parts: MoveParts,
  tx: AnyTx,
  { model, version, permit }: Held & { readonly permit: Permit },
  request: Move & { readonly alone: boolean },
): Promise<void> {
  await permit.check(tx, { model, version })
  if (request.alone || (permit.gated(model) && request.to === 'production'))
    await archiveOthers(parts, tx, { version, model }, request)
  await moveVersion(parts, tx, version, request)
  if (permit.gated(model)) await followProduction(parts, tx, { model, version }, request)
}

/** The alias is on what is in production. No permit of its own is asked: that of the stage asks for more. */
async function followProduction(
  parts: MoveParts,
  tx: AnyTx,
  { model, version }: Held,
  { to, ...because }: Move,
): Promise<void> {
  const enters = to === 'production'
  const leaves = version.stage === 'production' && version.aliases.includes(championAlias)
  if (enters || leaves)
    await moveAlias(parts, tx, { model, alias: championAlias, because, ...(enters && { to: version.id }) })
}

/** Whoever else is in the stage goes to the archive. */
export async function archiveOthers(
  parts: MoveParts,
  tx: AnyTx,
  { version, model }: Held,
  { to, actor }: Move,
): Promise<void> {
  const reason = `Version ${version.version} takes its place.`
  for (const other of await parts.store.inStage(tx, model.id, to))
    if (other.id !== version.id) await moveVersion(parts, tx, other, { to: 'archived', actor, reason })
}

/** Moves a version in the caller's transaction, announces it and, of a promotion, makes it a node of the ledger. */
async function moveVersion(
  { store, outbox, ledger, clock }: MoveParts,
  tx: AnyTx,
  { project, model, id: version, version: number, stage: from, digest }: ModelVersion,
  { to, actor, reason }: Move,
): Promise<void> {
  const [id, at] = [newId<'promotion'>('prm'), clock.now()]
  const about = digest === undefined ? {} : { digest }
  await store.move(tx, version, { id, from, to, actor, reason, at, ...about })
  await outbox.emit(tx, stageChanged, {
    project,
    actor,
    data: { model, version, number, from, to, reason, transition: id, ...about },
  })
  if (to !== 'production') return
  const label = `${model} ${number} to production`
  await ledger.record(tx, { id, kind: 'promotion', label, project, facts: { actor, reason, from, at, ...about } })
  await ledger.link(tx, { from: id, to: version, relation: 'promoted' })
}
