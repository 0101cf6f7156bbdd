import type { ExportWriter } from './export-writer.ts'
import type { CarriedEvaluationDataset, CarriedEvaluationRecord, Source } from './record.ts'

/** Writes the evaluation datasets with their records. */
export async function exportEvaluationDatasets(source: Source, writer: ExportWriter): Promise<void> {
  for await (const dataset of source.evaluationDatasets()) {
    const { id, name, digest, schema, tags, experimentIds } = dataset
    await writer.row('evaluation_datasets', {
      dataset_id: id,
      name,
      digest,
      schema: schema && JSON.stringify(schema),
      tags: JSON.stringify(tags),
      experiment_ids: JSON.stringify(experimentIds),
      ...stamps(dataset),
    })
    for await (const records of source.evaluationRecords(dataset))
      for (const record of records) await writer.row('evaluation_records', recordRow(id, record))
  }
}

const recordRow = (dataset_id: string, record: CarriedEvaluationRecord): Parameters<ExportWriter['row']>[1] => ({
  record_id: record.id,
  dataset_id,
  inputs: JSON.stringify(record.inputs),
  outputs: record.outputs === undefined ? undefined : JSON.stringify(record.outputs),
  expectations: record.expectations && JSON.stringify(record.expectations),
  tags: record.tags && JSON.stringify(record.tags),
  source: record.source && JSON.stringify(record.source),
  ...stamps(record),
})

const stamps = ({
  createdAt,
  updatedAt,
  createdBy,
  updatedBy,
}: CarriedEvaluationDataset | CarriedEvaluationRecord): Parameters<ExportWriter['row']>[1] => ({
  created_at: createdAt,
  updated_at: updatedAt,
  created_by: createdBy,
  updated_by: updatedBy,
})
