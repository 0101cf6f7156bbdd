import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { App } from '#http'
import type { Event } from '#kernel/event.ts'
import { datasetEvent, givenAndMade, runEvent, type Ledger, type Node, type OpenLineageOut } from '#metadata'
import { versionRegistered } from '#registry'
import { everyType, type Outbox } from '#storage'
import { runFinished, runStarted, taskFinished, type Workflow } from '#workflow'

interface Parts {
  readonly outbox: Outbox
  readonly ledger: Pick<Ledger, 'around' | 'node'>
  readonly workflow: Pick<Workflow, 'run' | 'tasks'>
}

/** What others are told of runs, tasks, datasets and models, in the words of OpenLineage. */
export interface OpenLineageFeed {
  /** The events that one of ours comes to: none, one or several. */
  of(event: Event): Promise<readonly OpenLineageOut[]>
}

const neighboursMax = 500
const ends = { succeeded: 'COMPLETE', failed: 'FAIL', cancelled: 'ABORT' } as const
const told = new Set<string>(['dataset_version', 'training_set', 'feature_version', 'raw_data'])

/** Made anew from the ledger at each asking: nothing is stored twice, and an event says the same whenever it is asked for. */
export function createOpenLineageFeed({ ledger, workflow }: Parts): OpenLineageFeed {
  async function ofTask({ at, project, data }: Event): Promise<readonly OpenLineageOut[]> {
    const { run: runId, task: id, state } = taskFinished.schema.parse(data)
    const [run, tasks] = [await workflow.run(runId), await workflow.tasks(runId)]
    const task = tasks.find(one => one.id === id)
    if (!task || !(state in ends)) return []
    const near = await ledger
      .around(id, { depthMax: 1, nodesMax: neighboursMax })
      .catch(() => ({ nodes: [], edges: [] }))
    const { inputs, outputs } = givenAndMade(id, near)
    const common = {
      project: project!,
      id,
      job: `${run.pipeline}.${task.name}`,
      parent: { id: run.id, job: run.pipeline },
      commit: run.commit,
      inputs,
    }
    return [
      runEvent({ ...common, state: 'START', at: task.startedAt ?? at }),
      runEvent({ ...common, state: ends[state as keyof typeof ends], at, outputs, error: task.error }),
      ...outputs.filter(node => told.has(node.kind)).map(datasetEvent),
    ]
  }

  const makers: Readonly<Record<string, (event: Event) => Promise<readonly OpenLineageOut[]>>> = {
    async [runStarted.type]({ at, project, data }) {
      const { run: id, pipeline } = runStarted.schema.parse(data)
      const { commit } = await workflow.run(id)
      return [runEvent({ state: 'START', at, project: project!, id, job: pipeline, commit })]
    },
    async [runFinished.type]({ at, project, data }) {
      const { run: id, pipeline, state, error } = runFinished.schema.parse(data)
      if (!(state in ends)) return []
      const { commit } = await workflow.run(id)
      return [
        runEvent({ state: ends[state as keyof typeof ends], at, project: project!, id, job: pipeline, error, commit }),
      ]
    },
    [taskFinished.type]: ofTask,
    async [versionRegistered.type]({ data }) {
      const node = await ledger.node(versionRegistered.schema.parse(data).version)
      return node ? [datasetEvent(node as Node)] : []
    },
  }

  return { of: async event => (Object.hasOwn(makers, event.type) ? makers[event.type]!(event) : []) }
}

const sendTimeoutMs = 10_000
const pauseMaxMs = 60_000

/**
 * Sends the feed to an address, in order and at least once, behind a cursor of its own: a receiver that is away holds up
 * nobody. It is tried again for ever, with pauses up to a minute; what it refuses for good [4xx] is passed over.
 * Returns the way to stop.
 */
export function sendOpenLineage(
  {
    outbox,
    feed,
    url,
    warn,
  }: { outbox: Outbox; feed: OpenLineageFeed; url: string; warn(facts: object, message: string): void },
  firstPauseMs = 1_000,
): () => void {
  const stopping = new AbortController()

  async function send(event: OpenLineageOut): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
      stopping.signal.throwIfAborted()
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(sendTimeoutMs)]),
      }).catch((error: unknown) => ({ ok: false, status: 0, error }))
      if (answer.ok) return
      const { status } = answer
      warn({ url: withoutSecrets(url), status, pauseMs }, 'OpenLineage receiver did not take an event')
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) return
      await sleep(pauseMs, undefined, { signal: stopping.signal })
    }
  }

  outbox.subscribe('openlineage', [
    {
      type: everyType,
      async handle(event) {
        for (const one of await feed.of(event)) await send(one)
      },
    },
  ])
  return () => stopping.abort()
}

/** Addresses may carry a password, and logs are read by many. */
const withoutSecrets = (url: string): string => url.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/, '')

const PullQuery = z.object({
  after: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(100),
  project: z.string().max(64).optional(),
})

/** For those who rather ask: the feed from any point on. */
export function openLineageFeedRoutes(
  app: App,
  { outbox, feed }: { outbox: Pick<Outbox, 'after'>; feed: OpenLineageFeed },
): void {
  app.get(
    '/api/v1/openlineage',
    {
      config: { project: 'caller' },
      schema: {
        summary: 'What has happened as OpenLineage events; ask again after `next`',
        tags: ['metadata'],
        querystring: PullQuery,
        response: { 200: z.object({ items: z.array(z.record(z.string(), z.unknown())), next: z.int() }) },
      },
    },
    async request => {
      const { after, limit, project } = request.query
      const { readable } = request
      if (project !== undefined) await request.permit('read', { project })
      const projects = project === undefined ? (readable === 'all' ? undefined : readable) : [project]
      const events = await outbox.after(after, limit, projects)
      const items: OpenLineageOut[] = []
      for (const event of events) items.push(...(await feed.of(event)))
      return { items: items as never, next: events.at(-1)?.seq ?? after }
    },
  )
}
