import type { Clock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Db, Outbox } from '#storage'
import { feedbackRouted } from './events.ts'
import { routes, subjectOf, type FeedbackItem, type IncidentKind, type Receiver } from './incident.ts'
import type { IncidentStore } from './store.ts'

/** (27) The feedback loop: what monitoring found goes to the stage upstream that can act on it. */
export interface Feedback {
  /** Hands an item to the receiver for its kind, once for each subject. */
  route(tx: AnyTx, request: RouteRequest): Promise<{ item: FeedbackItem; isNew: boolean }>
  /** Newest first. */
  feedback(project: string, page: PageRequest): Promise<Page<FeedbackItem>>
  /** Open items of a receiver that have led to no run yet, oldest first: what had to wait. */
  openFeedback(project: string, receiver: Receiver): Promise<readonly FeedbackItem[]>
  /** Notes the run that an item led to. Throws `not_found`. */
  attachRun(item: string, run: string): Promise<void>
  /** The items that led to a run are done when it has ended. */
  runFinished(run: string): Promise<void>
}

export interface RouteRequest {
  readonly project: string
  readonly kind: IncidentKind
  readonly title: string
  /** The incident, or the window when there is none. */
  readonly subject: string
  readonly incident?: string | undefined
  readonly deployment?: string | undefined
  readonly model?: string | undefined
  readonly source?: string | undefined
}

const waitingMax = 100

export interface FeedbackParts {
  readonly db: Db
  readonly store: IncidentStore
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly clock: Clock
}

export function createFeedback({ db, store, outbox, ledger, clock }: FeedbackParts): Feedback {
  return {
    async route(tx, { project, kind, title, subject, incident, model, ...about }) {
      const { receiver, action } = routes[kind]!
      const links = {
        ...(incident !== undefined && { incident }),
        ...(about.deployment !== undefined && { deployment: about.deployment }),
        ...(model !== undefined && { model }),
      }
      const item: FeedbackItem = {
        id: newId<'feedback_item'>('fbk'),
        project,
        receiver,
        ...links,
        title,
        action,
        state: 'open',
        at: clock.now(),
      }
      const added = await store.addItem(tx, { ...item, subject })
      if (!added.isNew) return added
      await ledger.record(tx, {
        id: item.id,
        kind: 'feedback_item',
        label: `${action}: ${title}`,
        project,
        facts: { receiver, action },
      })
      await ledger.link(tx, { from: item.id, to: subject, relation: 'follows_from' })
      await outbox.emit(tx, feedbackRouted, {
        project,
        data: { item: item.id, receiver, action, ...(incident !== undefined && { incident }), ...subjectOf(about) },
      })
      return added
    },

    feedback: (project, page) => store.items(project, page),
    openFeedback: (project, receiver) => store.waitingItems(project, receiver, waitingMax),

    async attachRun(item, run) {
      const isKnown = await db.transaction().execute(async tx => {
        const attached = await store.attachRun(tx, item, run)
        if (attached) await ledger.link(tx, { from: run, to: item, relation: 'started_by' })
        return attached
      })
      if (!isKnown) throw notFound('feedback item', item)
    },

    runFinished: run => db.transaction().execute(tx => store.endItemsOfRun(tx, run)),
  }
}
