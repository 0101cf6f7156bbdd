import { inside, type AnyTx, type Db } from '#storage'
import { nextNumber } from './counter.sql.ts'
import { numberOf } from './experiment-store.sql.ts'
import type { DatasetInput, ModelLink } from './run-input.ts'
import type { InputStore } from './store.ts'
import type { TrackingTables } from './tables.ts'

/** What runs read and made, in SQL. */
export function sqlInputStore(db: Db): InputStore {
  const tables = db.withTables<TrackingTables>()

  async function datasetOf(tx: AnyTx, experiment: number, { dataset }: DatasetInput): Promise<number> {
    const own = inside<TrackingTables>(tx)
    const find = own
      .selectFrom('tracking_dataset')
      .select('id')
      .where('experiment', '=', experiment)
      .where('name', '=', dataset.name)
      .where('digest', '=', dataset.digest)
    const known = await find.executeTakeFirst()
    if (known) return known.id
    const { name, digest, sourceType, source, schema, profile } = dataset
    await own
      .insertInto('tracking_dataset')
      .values({
        id: await nextNumber(tx, 'dataset'),
        experiment,
        name,
        digest,
        source_type: sourceType,
        source,
        schema: schema ?? null,
        profile: profile ?? null,
      })
      .onConflict(c => c.columns(['experiment', 'name', 'digest']).doNothing())
      .execute()
    return (await find.executeTakeFirstOrThrow()).id
  }

  const runOf = (tx: AnyTx, run: string): Promise<{ seq: number; experiment: number }> =>
    inside<TrackingTables>(tx)
      .selectFrom('tracking_run')
      .select(['seq', 'experiment'])
      .where('id', '=', run)
      .executeTakeFirstOrThrow()

  const lastPosition = async (
    tx: AnyTx,
    table: 'tracking_input' | 'tracking_model_link',
    run: number,
  ): Promise<number> =>
    (
      await inside<TrackingTables>(tx)
        .selectFrom(table)
        .select(eb => eb.fn.max<number | null>('position').as('last'))
        .where('run', '=', run)
        .executeTakeFirst()
    )?.last ?? 0

  return {
    async addDatasets(tx, run, inputs) {
      if (inputs.length === 0) return
      const { seq, experiment } = await runOf(tx, run)
      const last = await lastPosition(tx, 'tracking_input', seq)
      for (const [index, input] of inputs.entries()) {
        await inside<TrackingTables>(tx)
          .insertInto('tracking_input')
          .values({
            run: seq,
            dataset: await datasetOf(tx, experiment, input),
            position: last + 1 + index,
            tags: JSON.stringify(input.tags),
            context: input.tags.find(({ key }) => key === 'mlflow.data.context')?.value ?? null,
          })
          .onConflict(c => c.columns(['run', 'dataset']).doNothing())
          .execute()
      }
    },

    async addModels(tx, run, direction, links) {
      const { seq } = await runOf(tx, run)
      const last = await lastPosition(tx, 'tracking_model_link', seq)
      const rows = links.map(({ model, step }: ModelLink, index) => ({
        run: seq,
        direction,
        model,
        step,
        position: last + 1 + index,
      }))
      if (rows.length > 0)
        await inside<TrackingTables>(tx)
          .insertInto('tracking_model_link')
          .values(rows)
          .onConflict(c => c.doNothing())
          .execute()
    },

    async summaries(experiments, limit) {
      const rows = await tables
        .selectFrom('tracking_dataset as d')
        .innerJoin('tracking_input as i', 'i.dataset', 'd.id')
        .select(['d.experiment', 'd.name', 'd.digest', 'i.context'])
        .distinct()
        .where('d.experiment', 'in', experiments.map(numberOf))
        .orderBy('d.experiment')
        .orderBy('d.name')
        .orderBy('d.digest')
        .orderBy('i.context', order => order.asc().nullsFirst())
        .limit(limit)
        .execute()
      return rows.map(({ experiment, context, ...row }) => ({
        experimentId: String(experiment),
        ...row,
        ...(context !== null && { context }),
      }))
    },
  }
}
