import { canonicalJson } from '#kernel/json.ts'
import { conflict, notFound } from '#kernel/error.ts'
import { createTally, type Tally } from '#tracking'
import { inputDigest, type EvaluationDataset, type EvaluationRecord } from './evaluation-dataset.ts'
import type { EvaluationStore } from './evaluation-store.ts'
import { experimentIn } from './experiment-in.ts'
import type { Experiments } from './ports.ts'
import { labelsOf } from './label.ts'

/** What another ledger says of an evaluation dataset; its experiments are those here. */
export type ImportedDataset = Omit<EvaluationDataset, 'id' | 'project' | 'recordCount'>
export type ImportedRecord = Omit<EvaluationRecord, 'datasetId'>

/** What is here of a dataset, to be compared with what another ledger has. */
export type DatasetSummary = Omit<EvaluationDataset, 'project' | 'recordCount'> & { readonly records: Tally }

/** Evaluation datasets of another ledger, taken in with their ids and times. All may be said again, and is there once. */
export interface EvaluationImports {
  /** Throws `conflict` if the id is that of a dataset elsewhere. */
  dataset(project: string, id: string, draft: ImportedDataset): Promise<void>
  /** Adds records; one with inputs that are there already takes the place of what is there. */
  records(project: string, id: string, records: readonly ImportedRecord[]): Promise<void>
  /** Throws `not_found`. */
  summary(project: string, id: string): Promise<DatasetSummary>
}

const recordsPerPage = 1_000

/** What makes a record the same one on both sides. */
export const recordFacts = (record: ImportedRecord): readonly unknown[] => [
  canonicalJson({ ...record, datasetId: undefined }),
]

export function createEvaluationImports({
  store,
  experiments,
}: {
  readonly store: EvaluationStore
  readonly experiments: Experiments
}): EvaluationImports {
  async function datasetIn(project: string, id: string): Promise<EvaluationDataset> {
    const found = await store.find(id)
    if (found?.project !== project) throw notFound('evaluation dataset', id)
    return found
  }

  return {
    async dataset(project, id, { tags, experimentIds, ...draft }) {
      for (const each of experimentIds) await experimentIn(experiments, project, each)
      await store.transaction(async tx => {
        const held = await store.hold(tx, id)
        if (held && held.project !== project)
          throw conflict(`The evaluation dataset ${id} is in project ${held.project} already.`, { id })
        const row = { ...draft, id, project, recordCount: held?.recordCount ?? 0 }
        await (held ? store.put(tx, row) : store.add(tx, row))
        await store.tag(tx, id, labelsOf(tags))
        await store.addExperiments(tx, id, experimentIds)
      })
    },

    async records(project, id, records) {
      await datasetIn(project, id)
      await store.transaction(async tx => {
        const held = await store.hold(tx, id)
        if (!held) throw notFound('evaluation dataset', id)
        const drafts = records.map(record => ({ ...record, datasetId: id, inputDigest: inputDigest(record) }))
        const known = await store.recordsByInput(tx, id, [...new Set(drafts.map(draft => draft.inputDigest))])
        const byInput = new Map(drafts.map(draft => [draft.inputDigest, draft]))
        await store.putRecords(tx, [...byInput.values()])
        const added = [...byInput.keys()].filter(digest => !known.has(digest)).length
        await store.put(tx, { ...held, recordCount: held.recordCount + added })
      })
    },

    async summary(project, id) {
      const { project: _, recordCount: __, ...dataset } = await datasetIn(project, id)
      const tally = createTally()
      let after: string | undefined
      do {
        const page = await store.records(id, { limit: recordsPerPage, after })
        for (const { datasetId: ___, ...record } of page.items) tally.add(recordFacts(record))
        after = page.next
      } while (after !== undefined)
      return { ...dataset, records: tally.value() }
    },
  }
}
