import { invalid, messageOf, TrainyardError } from '#kernel/error.ts'
import type { Db } from '#storage'
import type { Ledger } from './ledger.ts'
import { namespaceOf, OpenLineageEvent, tellingOf, type Telling } from './openlineage.ts'
import type { OpenLineageStore } from './store.ts'

/** Takes lineage from elsewhere: external jobs, their runs and datasets become nodes beside our own. */
export interface OpenLineageIntake {
  /** Writes what an event says. False when it was known already. Throws `invalid` on what is no event. */
  take(event: unknown, caller: Caller): Promise<boolean>
  /** Each by itself: one that is refused does not stop the others. */
  takeAll(events: readonly unknown[], caller: Caller): Promise<BatchAnswer>
}

/** Whose events these are. */
export interface Caller {
  /** The project that things of a namespace are kept in; throws `forbidden` when the caller may not write there. */
  projectOf(namespace: string): Promise<string>
  /** Whether the caller may see things of the project: those of others are not linked to. */
  mayRead(project: string): Promise<boolean>
}

export interface BatchAnswer {
  readonly received: number
  readonly successful: number
  readonly failed: readonly { readonly index: number; readonly reason: string }[]
}

export function createOpenLineageIntake({
  db,
  store,
  ledger,
}: {
  db: Db
  store: OpenLineageStore
  ledger: Pick<Ledger, 'recordAll'>
}): OpenLineageIntake {
  /** The things of ours that an event means, by the node that it would else be. */
  async function ownOf({ references }: Telling, { mayRead }: Caller): Promise<ReadonlyMap<string, string>> {
    const found = await store.findReferences([...new Set(Object.values(references).flat())])
    const own = new Map<string, string>()
    for (const [id, keys] of Object.entries(references)) {
      const known = keys.map(key => found.get(key)).find(node => node !== undefined)
      if (known && (await mayRead(known.project))) own.set(id, known.id)
    }
    return own
  }

  const intake: OpenLineageIntake = {
    async take(event, caller) {
      const parsed = parse(event)
      const project = await caller.projectOf(namespaceOf(parsed))
      const telling = tellingOf(parsed, project)
      const own = await ownOf(telling, caller)
      const idOf = (id: string): string => own.get(id) ?? id
      return db.transaction().execute(async tx => {
        if (!(await store.insertEvent(tx, telling.key, telling.at))) return false
        const edges = telling.edges
          .map(({ from, to, relation }) => ({ from: idOf(from), to: idOf(to), relation, isOwn: own.has(from) }))
          .filter(({ from, to }) => from !== to)
        // What we have made is not said to be made by others; who made it is known.
        const byKind = Map.groupBy(edges, ({ isOwn, relation }) => isOwn && relation === 'made_by')
        await ledger.recordAll(tx, {
          nodes: telling.nodes.filter(({ id }) => !own.has(id)).map(node => ({ ...node, project })),
          edges: byKind.get(false) ?? [],
          firstEdges: byKind.get(true) ?? [],
        })
        return true
      })
    },

    async takeAll(events, caller) {
      const failed: { index: number; reason: string }[] = []
      for (const [index, event] of events.entries()) {
        try {
          await intake.take(event, caller)
        } catch (error) {
          if (!(error instanceof TrainyardError)) throw error
          failed.push({ index, reason: messageOf(error) })
        }
      }
      return { received: events.length, successful: events.length - failed.length, failed }
    },
  }
  return intake
}

function parse(event: unknown): OpenLineageEvent {
  const shape = OpenLineageEvent.safeParse(event)
  if (shape.success) return shape.data
  const issue = shape.error.issues[0]!
  const inner = issue.code === 'invalid_union' ? (bestOf(issue.errors, event) ?? []) : [issue]
  throw invalid(
    'This is no OpenLineage event.',
    inner.slice(0, 5).map(({ path, message }) => ({ field: path.join('.') || 'event', allowed: message })),
  )
}

/** The kind of event that was meant: one with a run, with a dataset, else with a job. */
function bestOf<Issue>(errors: readonly Issue[], event: unknown): Issue | undefined {
  const has = (name: string): boolean => event !== null && typeof event === 'object' && name in event
  return errors[has('run') ? 0 : has('dataset') ? 1 : 2]
}
