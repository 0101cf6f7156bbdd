import { join } from 'node:path'
import { filesBelow, foldersIn, textsBelow } from './folder.ts'
import { readMeta } from './meta-yaml.ts'
import { toTrace, toTraceV2, type AssessmentJson, type TraceJson, type TraceJsonV2 } from './mlflow-trace-json.ts'
import type { CarriedTrace, KeyText } from './record.ts'

/**
 * The trace in a folder of a file store, undefined if there is none: MLflow 2 and 3 write other descriptions. Spans are
 * a file of it.
 */
export async function readMlrunsTrace(folder: string): Promise<CarriedTrace | undefined> {
  const meta = await readMeta(join(folder, 'trace_info.yaml'))
  if (meta === undefined) return undefined
  const tags = await textsBelow(join(folder, 'tags'))
  const metadata = await textsBelow(join(folder, 'request_metadata'))
  if (meta.text('trace_id') === '')
    return toTraceV2({ ...(meta.fields as TraceJsonV2), request_metadata: metadata, tags })
  const assessments: AssessmentJson[] = []
  for await (const name of filesBelow(join(folder, 'assessments'))) {
    const said = await readMeta(join(folder, 'assessments', name))
    if (said) assessments.push(said.fields as AssessmentJson)
  }
  return toTrace({
    ...(meta.fields as TraceJson),
    trace_metadata: recordOf(metadata),
    tags: recordOf(tags),
    assessments,
  })
}

/** The folders of the traces of an experiment. */
export async function mlrunsTraces(experiment: string): Promise<readonly { id: string; folder: string }[]> {
  const root = join(experiment, 'traces')
  return (await foldersIn(root)).map(id => ({ id, folder: join(root, id) }))
}

const recordOf = (texts: readonly KeyText[]): Readonly<Record<string, string>> =>
  Object.fromEntries(texts.map(({ key, value }) => [key, value]))
