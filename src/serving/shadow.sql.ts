import type { Kysely, Transaction } from 'kysely'
import type { AnyTx } from '#storage'
import type { ShadowLine } from './shadow-line.ts'
import type { ServingStore, ShadowCounts } from './store.ts'
import type { ServingTables } from './tables.ts'

type Own = Transaction<ServingTables>

/** The part of the store that counts what shadows have answered. */
export const sqlShadowStore = (
  tables: Kysely<ServingTables>,
  own: (tx: AnyTx) => Own,
): Pick<ServingStore, 'addShadows' | 'shadows'> => ({
  async addShadows(tx, lines) {
    for (const line of lines) {
      await addCounts(own(tx), line)
      await addLatency(own(tx), line, 'shadow', line.latency)
      await addLatency(own(tx), line, 'against', line.againstLatency)
      await addScores(own(tx), line, 'shadow', line.scores)
      await addScores(own(tx), line, 'against', line.againstScores)
    }
  },

  async shadows(revisions) {
    if (revisions.length === 0) return []
    const rows = await tables
      .selectFrom('serving_shadow')
      .selectAll()
      .where('revision', 'in', revisions)
      .orderBy('rows', 'desc')
      .execute()
    const latencies = await tables
      .selectFrom('serving_shadow_latency')
      .selectAll()
      .where('revision', 'in', revisions)
      .execute()
    const scores = await tables
      .selectFrom('serving_shadow_score')
      .selectAll()
      .where('revision', 'in', revisions)
      .execute()
    return rows.map(({ difference_sum, difference_max, ...counts }): ShadowCounts => {
      const isOwn =
        (wanted: string) =>
        ({ revision, against, side }: (typeof latencies | typeof scores)[number]): boolean =>
          revision === counts.revision && against === counts.against && side === wanted
      const latencyOf = (side: string): ReadonlyMap<number, number> =>
        new Map(latencies.filter(isOwn(side)).map(row => [row.bucket, row.requests]))
      const scoresOf = (side: string): ReadonlyMap<number, number> =>
        new Map(scores.filter(isOwn(side)).map(row => [row.bucket, row.rows]))
      const sides = {
        latency: latencyOf('shadow'),
        againstLatency: latencyOf('against'),
        scores: scoresOf('shadow'),
        againstScores: scoresOf('against'),
      }
      return { ...counts, ...sides, differenceSum: difference_sum, differenceMax: difference_max }
    })
  },
})

async function addCounts(tables: Own, line: ShadowLine): Promise<void> {
  const { shadow: revision, against, rows, agreed, errors, dropped, differenceSum, differenceMax } = line
  const counts = { rows, agreed, errors, dropped, difference_sum: differenceSum }
  await tables
    .insertInto('serving_shadow')
    .values({ revision, against, ...counts, difference_max: differenceMax })
    .onConflict(c =>
      c.columns(['revision', 'against']).doUpdateSet(eb => ({
        rows: eb('serving_shadow.rows', '+', rows),
        agreed: eb('serving_shadow.agreed', '+', agreed),
        errors: eb('serving_shadow.errors', '+', errors),
        dropped: eb('serving_shadow.dropped', '+', dropped),
        difference_sum: eb('serving_shadow.difference_sum', '+', differenceSum),
        difference_max: eb
          .case()
          .when('serving_shadow.difference_max', '<', differenceMax)
          .then(differenceMax)
          .else(eb.ref('serving_shadow.difference_max'))
          .end(),
      })),
    )
    .execute()
}

async function addLatency(
  tables: Own,
  { shadow: revision, against }: ShadowLine,
  side: 'shadow' | 'against',
  buckets: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [bucket, requests] of Object.entries(buckets))
    await tables
      .insertInto('serving_shadow_latency')
      .values({ revision, against, side, bucket: Number(bucket), requests })
      .onConflict(c =>
        c
          .columns(['revision', 'against', 'side', 'bucket'])
          .doUpdateSet(eb => ({ requests: eb('serving_shadow_latency.requests', '+', requests) })),
      )
      .execute()
}

/** All buckets at once: there may be hundreds. */
async function addScores(
  tables: Own,
  { shadow: revision, against }: ShadowLine,
  side: 'shadow' | 'against',
  buckets: Readonly<Record<string, number>>,
): Promise<void> {
  const rows = Object.entries(buckets).map(([bucket, rows]) => ({
    revision,
    against,
    side,
    bucket: Number(bucket),
    rows,
  }))
  if (rows.length === 0) return
  await tables
    .insertInto('serving_shadow_score')
    .values(rows)
    .onConflict(c =>
      c
        .columns(['revision', 'against', 'side', 'bucket'])
        .doUpdateSet(eb => ({ rows: eb('serving_shadow_score.rows', '+', eb.ref('excluded.rows')) })),
    )
    .execute()
}
