import { canonicalJson } from '#kernel/json.ts'
import { createTally, type Tally } from '#tracking'
import { labelFacts, recordFacts, type DatasetSummary } from '#traces'
import type { Journey } from './carry-run.ts'
import type { CarriedEvaluationDataset, CarriedEvaluationRecord } from './record.ts'

/** Brings an evaluation dataset over with its records, or finds it there; `experiments` are called so here. */
export async function carryEvaluationDataset(
  journey: Journey,
  original: CarriedEvaluationDataset,
  experiments: ReadonlyMap<string, string>,
): Promise<void> {
  const { target, reporter } = journey
  const { id } = original
  const dataset = { ...original, experimentIds: original.experimentIds.flatMap(each => experiments.get(each) ?? []) }
  const before = await target.evaluationDataset(id)
  let records = before && (await tallyRecords(journey, original))
  const isWhole = before !== undefined && differencesOf(dataset, records!, before).length === 0
  if (!isWhole) {
    await target.putEvaluationDataset(dataset)
    records = await tallyRecords(journey, original, some => target.putEvaluationRecords(id, some))
  }
  const after = isWhole ? before : await target.evaluationDataset(id)
  if (isWhole) reporter.passedOver()
  else reporter.written()
  reporter.count('evaluation datasets', 1, after ? 1 : 0)
  reporter.count('evaluation records', records!.count, after?.records.count ?? 0)
  const what = `evaluation dataset ${id}`
  for (const why of after ? differencesOf(dataset, records!, after) : ['it is not here']) reporter.differ(what, why)
  const missing = original.experimentIds.filter(each => !experiments.has(each))
  if (missing.length > 0) reporter.differ(what, `its experiments ${missing.join(', ')} are not here`)
}

async function tallyRecords(
  { source }: Journey,
  dataset: CarriedEvaluationDataset,
  write?: (records: readonly CarriedEvaluationRecord[]) => Promise<void>,
): Promise<Tally> {
  const tally = createTally()
  for await (const records of source.evaluationRecords(dataset)) {
    for (const record of records) tally.add(recordFacts(record))
    await write?.(records)
  }
  return tally.value()
}

const fields = ['name', 'digest', 'createdAt', 'updatedAt', 'createdBy', 'updatedBy'] as const

function differencesOf(there: CarriedEvaluationDataset, records: Tally, here: DatasetSummary): readonly string[] {
  const words = fields.flatMap(field =>
    there[field] === here[field] ? [] : [`${field}: ${there[field] ?? 'none'} there, ${here[field] ?? 'none'} here`],
  )
  const parts = ['tags', 'schema', 'experimentIds'] as const
  const facts = (of: CarriedEvaluationDataset | DatasetSummary, part: (typeof parts)[number]): string =>
    canonicalJson(
      part === 'tags'
        ? Object.fromEntries(labelFacts(of.tags) as [string, string][])
        : part === 'experimentIds'
          ? of.experimentIds.toSorted()
          : of.schema,
    )
  const differing = parts.filter(part => facts(there, part) !== facts(here, part))
  return [
    ...words,
    ...differing.map(part => `${part}: ${facts(there, part)} there, ${facts(here, part)} here`),
    ...(records.digest === here.records.digest
      ? []
      : [`records: ${records.count} there, ${here.records.count} here, or not the same ones`]),
  ]
}
