import { z } from 'zod'
import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { Name } from '#kernel/wire.ts'
import { filesAt, type Artifacts } from '#tracking'
import { ImportedTraceSummary, ImportTrace, TraceFiles, TraceId, TraceIds, TraceSummaries } from './import-wire.ts'
import type { TraceImports } from './imports.ts'

const tags = ['imports']
const root = '/api/v1/projects/:project/imports'
const ofTrace = z.object({ project: Name, id: TraceId })
const bodyLimit = 64 * 1024 * 1024

type Wire = z.input<typeof ImportedTraceSummary>

/** What `trainyard import` speaks to; any other importer may. Spans are sent before, by `POST /v1/traces`. */
export function traceImportRoutes(
  app: App,
  { imports, artifacts }: { readonly imports: TraceImports; readonly artifacts: Pick<Artifacts, 'tree'> },
): void {
  app.put(
    `${root}/traces/:id`,
    {
      bodyLimit,
      schema: {
        summary:
          'Take in what another ledger says of a trace, its assessments too; spans come before, as OpenTelemetry',
        tags,
        params: ofTrace,
        body: ImportTrace,
        response: { 200: ImportedTraceSummary },
      },
    },
    async ({ params, body }) =>
      (await imports.describe(params.project, { ...body, id: params.id } as Parameters<
        TraceImports['describe']
      >[1])) as Wire,
  )

  app.post(
    `${root}/trace-summaries`,
    {
      schema: {
        summary: 'Traces with counts and digests of their spans; those that are not in the project are left out',
        tags,
        params: z.object({ project: Name }),
        body: TraceIds,
        response: { 200: TraceSummaries },
      },
    },
    async ({ params, body }) => ({ items: (await imports.summaries(params.project, body.traces)) as Wire[] }),
  )

  app.get(
    `${root}/traces/:id/files`,
    {
      schema: {
        summary: 'All files of a trace with their digests',
        tags,
        params: ofTrace,
        response: { 200: TraceFiles },
      },
    },
    async ({ params }) => {
      const [found] = await imports.summaries(params.project, [params.id])
      if (!found) throw notFound('trace', params.id)
      return { items: await filesAt(artifacts, found.artifactUri) }
    },
  )
}
