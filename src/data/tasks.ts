import type { PlatformTask, TaskCall } from '#workflow'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Projects, Revision } from '#project'
import { describe, type DatasetVersionId } from './dataset-version.ts'
import { declaredSource, ingest, type DataDeps } from './ingest.ts'
import { textOf } from './text.ts'
import { validate } from './validate.ts'

/** The work of this component in pipelines: `data.ingest` and `data.validate`. */
export function dataTasks(deps: DataDeps): Record<string, PlatformTask> {
  return {
    async 'data.ingest'({ run, params, signal, log }) {
      const revision = await revisionOf(deps.projects, run)
      const declared = declaredSource(revision, textOf(params['source']))
      const { version, added } = await ingest(deps, declared, { run: run.id, signal })
      const { id, source, version: number, rows, bytes, digest } = version
      log(
        added
          ? `Version ${number} of ${source}: ${rows} rows, ${bytes} bytes.`
          : `The rows are those of version ${number} of ${source}.`,
      )
      return { outputs: { dataset: { digest, size: bytes, ref: id, value: number } }, metrics: { rows, bytes } }
    },

    async 'data.validate'({ run, inputs, key, log }) {
      const dataset = inputs['dataset']
      const version = dataset?.ref === undefined ? undefined : await deps.store.find(dataset.ref as DatasetVersionId)
      if (!dataset || !version)
        throw invalid('There is nothing to validate.', [
          { field: 'inputs.dataset', value: dataset?.ref, allowed: 'a dataset version' },
        ])
      const { source, version: number } = version
      const declared = declaredSource(await revisionOf(deps.projects, run), source)
      const violations = await validate(deps, declared, version, { key, run: run.id })
      if (violations.length > 0) {
        throw new TrainyardError(
          'data_broken',
          `Version ${number} of ${source} breaks its contract.${describe(violations)}`,
          { source, version: version.id, violations },
        )
      }
      log(`Version ${number} of ${source} keeps its contract.`)
      const report = { verdict: 'kept', violations, rows: version.rows, columns: version.columns }
      const { digest, size } = await deps.blobs.put(JSON.stringify(report))
      return {
        outputs: { dataset, report: { digest, size, value: { verdict: 'kept', violations: [] } } },
        metrics: { violations: 0 },
      }
    },
  }
}

/** The revision that the run was started from. */
export const revisionOf = (
  projects: Pick<Projects, 'current' | 'revision'>,
  { project, revision }: TaskCall['run'],
): Promise<Revision> => (revision === undefined ? projects.current(project) : projects.revision(revision))
