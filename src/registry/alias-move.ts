import type { Clock } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { AnyTx, Outbox } from '#storage'
import { aliasMoved } from './events.ts'
import type { Because } from './because.ts'
import type { Permit } from './production.ts'
import { namesOf, versionNotFound, type RegisteredModel } from './registered-model.ts'
import type { ModelStore } from './store.ts'

export interface AliasChange {
  readonly model: RegisteredModel
  readonly alias: string
  /** Id of a version; absent: the alias is taken off. */
  readonly to?: string
  readonly permit?: Permit
  readonly because: Because
}

/** The only way to another version behind an alias: written down with who, why and the digest that it was about. */
export async function moveAlias(
  { store, outbox, clock }: { store: ModelStore; outbox: Pick<Outbox, 'emit'>; clock: Clock },
  tx: AnyTx,
  { model, alias, to, permit, because: { actor, reason } }: AliasChange,
): Promise<void> {
  const from = Object.hasOwn(model.aliases, alias) ? model.aliases[alias] : undefined
  const version = to === undefined ? undefined : await store.findIn(tx, to)
  if (to !== undefined && (!version || version.deletedAt !== undefined)) throw versionNotFound(model.fullName, to)
  if (version?.version === from) return
  if (version) await permit?.check(tx, { model, version })
  const move = {
    id: newId<'alias_move'>('alm'),
    alias,
    ...(from !== undefined && { from }),
    ...(version && { to: version.version }),
    actor,
    reason,
    ...(version?.digest !== undefined && { digest: version.digest }),
    at: clock.now(),
  }
  await store.moveAlias(tx, model.id, to, move)
  const { id, at: _, actor: __, ...data } = move
  await outbox.emit(tx, aliasMoved, { project: model.project, actor, data: { ...namesOf(model), ...data, move: id } })
}
