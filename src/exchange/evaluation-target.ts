import { TrainyardError } from '#kernel/error.ts'
import type { DatasetSummary } from '#traces'
import type { CarriedEvaluationDataset, CarriedEvaluationRecord } from './record.ts'
import type { Api } from './api.ts'

/** The part of a target that takes evaluation datasets. */
export interface EvaluationTarget {
  evaluationDataset(id: string): Promise<DatasetSummary | undefined>
  putEvaluationDataset(dataset: CarriedEvaluationDataset): Promise<void>
  putEvaluationRecords(id: string, records: readonly CarriedEvaluationRecord[]): Promise<void>
}

export function createEvaluationTarget(api: Api, root: string): EvaluationTarget {
  const place = (id: string): string => `${root}/evaluation-datasets/${encodeURIComponent(id)}`
  return {
    evaluationDataset: id =>
      api.get<DatasetSummary>(place(id)).catch((error: unknown) => {
        if (error instanceof TrainyardError && error.code === 'not_found') return undefined
        throw error
      }),
    putEvaluationDataset: ({ id, ...dataset }) => api.send('PUT', place(id), dataset),
    putEvaluationRecords: (id, records) => api.send('PUT', `${place(id)}/records`, { records }),
  }
}
