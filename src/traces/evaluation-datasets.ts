import { randomBytes } from 'node:crypto'
import type { Clock, Millis } from '#kernel/clock.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { parseFilter, parseOrder } from '#search'
import {
  datasetDigest,
  extended,
  inputDigest,
  merged,
  type EvaluationDataset,
  type EvaluationRecord,
  type RecordContent,
} from './evaluation-dataset.ts'
import type { EvaluationStore } from './evaluation-store.ts'
import { datasetLanguage } from './language.ts'
import { clean } from './span.ts'
import { labelsOf, type Labels } from './label.ts'

export interface DatasetDraft {
  readonly project: string
  readonly name: string
  readonly experimentIds: readonly string[]
  readonly tags: Labels
}

export interface DatasetSearch {
  readonly experiments?: readonly string[] | undefined
  readonly filter?: string | undefined
  readonly order: readonly string[]
  readonly limit: number
  readonly after?: string | undefined
}

/** Datasets that applications are evaluated on. */
export interface EvaluationDatasets {
  create(draft: DatasetDraft): Promise<EvaluationDataset>
  /** Throws `not_found`. */
  get(id: string): Promise<EvaluationDataset>
  find(id: string): Promise<EvaluationDataset | undefined>
  remove(id: string): Promise<void>
  search(search: DatasetSearch): Promise<{ readonly items: readonly EvaluationDataset[]; readonly next?: string }>
  tag(id: string, tags: Labels): Promise<EvaluationDataset>
  untag(id: string, key: string): Promise<void>
  addExperiments(id: string, experiments: readonly string[]): Promise<EvaluationDataset>
  removeExperiments(id: string, experiments: readonly string[]): Promise<EvaluationDataset>
  /** Adds records; one with inputs that are there already is merged with what is there. */
  upsert(id: string, records: readonly RecordContent[], by?: string): Promise<{ inserted: number; updated: number }>
  records(
    id: string,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ readonly items: readonly EvaluationRecord[]; readonly next?: string }>
  /** How many there were. */
  removeRecords(id: string, records: readonly string[]): Promise<number>
}

/** The tag in which MLflow's clients say who they are. */
const userTag = 'mlflow.user'
const recordsMax = 50_000

export function createEvaluationDatasets({
  store,
  clock,
}: {
  store: EvaluationStore
  clock: Clock
}): EvaluationDatasets {
  const get = async (id: string): Promise<EvaluationDataset> => {
    const found = await store.find(id)
    if (!found) throw notFound('evaluation dataset', id)
    return found
  }

  return {
    get,
    find: id => store.find(id),
    remove: id => store.remove(id),
    ...describing(store, clock, get),
    ...recording(store, clock, get),

    async create({ project, name, experimentIds, tags }) {
      const id = `d-${randomBytes(16).toString('hex')}`
      const at = clock.now()
      const by = tags[userTag]
      const user = by === undefined ? {} : { createdBy: clean(by), updatedBy: clean(by) }
      const digest = datasetDigest(name, at, 0)
      const row = { id, project, name: clean(name), digest, recordCount: 0, createdAt: at, updatedAt: at, ...user }
      await store.transaction(async tx => {
        await store.add(tx, row)
        await store.tag(tx, id, labelsOf(tags))
        await store.addExperiments(tx, id, experimentIds)
      })
      return get(id)
    },

    search: ({ filter, order, ...query }) =>
      store.search({
        ...query,
        filter: parseFilter(filter, datasetLanguage),
        order: parseOrder(order, datasetLanguage),
      }),
  }
}

type Get = (id: string) => Promise<EvaluationDataset>

function describing(
  store: EvaluationStore,
  clock: Clock,
  get: Get,
): Pick<EvaluationDatasets, 'tag' | 'untag' | 'addExperiments' | 'removeExperiments'> {
  const change = (
    id: string,
    work: (tx: Parameters<EvaluationStore['put']>[0]) => Promise<boolean>,
  ): Promise<EvaluationDataset> =>
    store
      .transaction(async tx => {
        const held = await store.hold(tx, id)
        if (!held) throw notFound('evaluation dataset', id)
        if (await work(tx)) await store.put(tx, { ...held, updatedAt: clock.now() })
      })
      .then(() => get(id))

  return {
    tag: (id, tags) =>
      change(id, async tx => {
        await store.tag(tx, id, labelsOf(tags))
        return false
      }),
    untag: (id, key) => store.untag(id, key),
    addExperiments: (id, experiments) =>
      change(id, async tx => {
        await store.addExperiments(tx, id, experiments)
        return true
      }),
    removeExperiments: (id, experiments) =>
      change(id, async tx => (await store.removeExperiments(tx, id, experiments)) > 0),
  }
}

function recording(
  store: EvaluationStore,
  clock: Clock,
  get: Get,
): Pick<EvaluationDatasets, 'upsert' | 'records' | 'removeRecords'> {
  return {
    async upsert(id, contents, by) {
      if (contents.length > recordsMax)
        throw invalid(`${contents.length} records were sent; ${recordsMax} are allowed at once.`)
      return store.transaction(async tx => {
        const held = await store.hold(tx, id)
        if (!held) throw notFound('evaluation dataset', id)
        const at = clock.now()
        const known = await store.recordsByInput(tx, id, [...new Set(contents.map(inputDigest))])
        const { records, inserted } = taken(id, contents, known, at)
        await store.putRecords(tx, records)
        const recordCount = held.recordCount + inserted
        const user = contents.map(({ tags }) => tags?.[userTag]).findLast(tag => typeof tag === 'string') ?? by
        await store.put(tx, {
          ...held,
          schema: extended(held.schema, contents),
          recordCount,
          digest: datasetDigest(held.name, at, recordCount),
          updatedAt: at,
          ...(typeof user === 'string' ? { updatedBy: clean(user) } : {}),
        })
        return { inserted, updated: contents.length - inserted }
      })
    },

    async records(id, page) {
      await get(id)
      return store.records(id, page)
    },

    removeRecords: (id, records) =>
      store.transaction(async tx => {
        const held = await store.hold(tx, id)
        if (!held) throw notFound('evaluation dataset', id)
        const removed = await store.removeRecords(tx, id, records)
        const recordCount = held.recordCount - removed
        const at = clock.now()
        if (removed > 0)
          await store.put(tx, {
            ...held,
            recordCount,
            digest: datasetDigest(held.name, at, recordCount),
            updatedAt: at,
          })
        return removed
      }),
  }
}

/** The records after these contents: each merged with what has the same inputs, there or earlier in the list. */
function taken(
  datasetId: string,
  contents: readonly RecordContent[],
  known: ReadonlyMap<string, EvaluationRecord>,
  at: Millis,
): { records: readonly (EvaluationRecord & { inputDigest: string })[]; inserted: number } {
  const byInput = new Map<string, EvaluationRecord & { inputDigest: string }>()
  let inserted = 0
  for (const content of contents) {
    const digest = inputDigest(content)
    const former = byInput.get(digest) ?? known.get(digest)
    const user = content.tags?.[userTag]
    const by = typeof user === 'string' ? clean(user) : undefined
    if (former) {
      byInput.set(digest, {
        ...former,
        ...merged(former, content),
        updatedAt: at,
        inputDigest: digest,
        ...(by === undefined ? {} : { updatedBy: by }),
      })
      continue
    }
    inserted++
    byInput.set(digest, {
      // MLflow gives an object without members where nothing was said; null is nothing.
      outputs: {},
      ...content,
      id: newRecordId(),
      datasetId,
      createdAt: at,
      updatedAt: at,
      inputDigest: digest,
      ...(by === undefined ? {} : { createdBy: by, updatedBy: by }),
    })
  }
  return { records: [...byInput.values()], inserted }
}

/** Of those made in one millisecond, the first sorts first: records are read in the order in which they came. */
const newRecordId = (): string => newId('dr').replaceAll(/[_-]/g, '').replace('dr', 'dr-')
