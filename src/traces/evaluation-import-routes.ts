import { z } from 'zod'
import type { App } from '#http'
import { Name } from '#kernel/wire.ts'
import type { EvaluationImports, ImportedDataset, ImportedRecord } from './evaluation-imports.ts'
import { DatasetId, ImportDataset, ImportedDatasetSummary, ImportRecords } from './import-wire.ts'

const tags = ['imports']
const root = '/api/v1/projects/:project/imports/evaluation-datasets/:id'
const params = z.object({ project: Name, id: DatasetId })
const Nothing = z.object({})
const bodyLimit = 64 * 1024 * 1024

export function evaluationImportRoutes(app: App, imports: EvaluationImports): void {
  app.put(
    root,
    {
      schema: {
        summary:
          'Take in an evaluation dataset of another ledger with its id and times; its experiments are those here',
        tags,
        params,
        body: ImportDataset,
        response: { 200: Nothing },
      },
    },
    async ({ params: { project, id }, body }) => {
      await imports.dataset(project, id, body as ImportedDataset)
      return {}
    },
  )

  app.put(
    `${root}/records`,
    {
      bodyLimit,
      schema: {
        summary: 'Add records to an imported evaluation dataset; a repeat is harmless',
        tags,
        params,
        body: ImportRecords,
        response: { 200: Nothing },
      },
    },
    async ({ params: { project, id }, body }) => {
      await imports.records(project, id, body.records as readonly ImportedRecord[])
      return {}
    },
  )

  app.get(
    root,
    {
      schema: {
        summary: 'An evaluation dataset with count and digest of its records',
        tags,
        params,
        response: { 200: ImportedDatasetSummary },
      },
    },
    async ({ params: { project, id } }) =>
      (await imports.summary(project, id)) as z.input<typeof ImportedDatasetSummary>,
  )
}
