import type { AnyTx } from '#storage'
import type { ExperimentOfTraces } from './ports.ts'
import { clean } from './span.ts'
import type { TraceRow, TraceStore } from './store.ts'
import { artifactLocation, known, type Trace } from './trace.ts'
import { labelsOf, type Labels } from './label.ts'

/** Writes down what is said of a held trace. Where its spans and files are is for the platform to say, not for its maker. */
export async function putDescription(
  store: TraceStore,
  tx: AnyTx,
  experiment: ExperimentOfTraces,
  { row, metadata, tags }: { readonly row: TraceRow; readonly metadata: Labels; readonly tags: Labels },
): Promise<void> {
  const { [known.spansLocation]: _, [known.artifactLocation]: __, ...said } = labelsOf(tags)
  const own = { ...said, [known.artifactLocation]: artifactLocation(experiment, row.id) }
  await store.put(tx, [row])
  await store.label(tx, 'tag', [{ id: row.id, labels: own }])
  await store.label(tx, 'metadata', [{ id: row.id, labels: labelsOf(metadata) }])
}

type Previews = Pick<Trace, 'requestPreview' | 'responsePreview'>

export const previewsOf = ({ requestPreview, responsePreview }: Previews): Previews => ({
  ...(requestPreview === undefined ? {} : { requestPreview: clean(requestPreview) }),
  ...(responsePreview === undefined ? {} : { responsePreview: clean(responsePreview) }),
})
