import type { Kysely, Selectable } from 'kysely'
import { inside } from '#storage'
import type { TraceStore } from './store.ts'
import type { TraceTables } from './tables.ts'
import type { TokenUsage, UsageNode } from './token-usage.ts'

/** Rows of one statement: SQLite takes 32,766 parameters. */
const rowsMax = 1_000
const searchedCharacters = 250

type Row = Selectable<TraceTables['span']>
type Cost = 'input_cost' | 'output_cost' | 'total_cost'

/** The part of the trace store that keeps spans. */
export function spansSql(tables: Kysely<TraceTables>): Pick<TraceStore, 'putSpans' | 'usage' | 'spans'> {
  return {
    async putSpans(tx, spans) {
      // Of a span that is there twice in one request, the last counts: one statement may not touch a row twice.
      const rows = [...new Map(spans.map(span => [`${span.traceId} ${span.id}`, span])).values()].map(span => ({
        trace_id: span.traceId,
        span_id: span.id,
        parent_id: span.parentId ?? null,
        name: searched(span.name),
        type: searched(span.type),
        status: span.status,
        start_ns: span.start,
        end_ns: span.end ?? null,
        usage: span.usage ? JSON.stringify(span.usage) : null,
        content: span.content,
        model: span.call?.model ?? null,
        provider: span.call?.provider ?? null,
        input_cost: span.call?.inputCost ?? null,
        output_cost: span.call?.outputCost ?? null,
        total_cost: span.call?.totalCost ?? null,
      }))
      for (let from = 0; from < rows.length; from += rowsMax)
        await inside<TraceTables>(tx)
          .insertInto('span')
          .values(rows.slice(from, from + rowsMax))
          .onConflict(conflict =>
            conflict.columns(['trace_id', 'span_id']).doUpdateSet(eb => ({
              parent_id: eb.ref('excluded.parent_id'),
              name: eb.ref('excluded.name'),
              type: eb.ref('excluded.type'),
              status: eb.ref('excluded.status'),
              start_ns: eb.ref('excluded.start_ns'),
              end_ns: eb.ref('excluded.end_ns'),
              usage: eb.ref('excluded.usage'),
              content: eb.ref('excluded.content'),
              model: eb.ref('excluded.model'),
              provider: eb.ref('excluded.provider'),
              input_cost: eb.ref('excluded.input_cost'),
              output_cost: eb.ref('excluded.output_cost'),
              total_cost: eb.ref('excluded.total_cost'),
            })),
          )
          .execute()
    },

    async usage(tx, ids) {
      if (ids.length === 0) return new Map()
      const rows = await inside<TraceTables>(tx)
        .selectFrom('span')
        .select(['trace_id', 'span_id', 'parent_id', 'usage', 'input_cost', 'output_cost', 'total_cost'])
        .where('trace_id', 'in', [...ids])
        .execute()
      return new Map(
        [...Map.groupBy(rows, row => row.trace_id)].map(([id, own]): [string, readonly UsageNode[]] => [
          id,
          own.map(row => ({
            id: row.span_id,
            parentId: row.parent_id ?? undefined,
            usage: row.usage === null ? undefined : (JSON.parse(row.usage) as TokenUsage),
            ...costOf(row),
          })),
        ]),
      )
    },

    async spans(ids) {
      if (ids.length === 0) return new Map()
      const rows = await tables
        .selectFrom('span')
        .select(['trace_id', 'content'])
        .where('trace_id', 'in', [...ids])
        .orderBy(eb => eb.case().when('parent_id', 'is', null).then(0).else(1).end())
        .orderBy('start_ns')
        .orderBy('span_id')
        .execute()
      return new Map(
        [...Map.groupBy(rows, row => row.trace_id)].map(([id, own]) => [id, own.map(({ content }) => content)]),
      )
    },
  }
}

const costOf = ({ input_cost, output_cost, total_cost }: Pick<Row, Cost>): Pick<UsageNode, 'cost'> =>
  (input_cost ?? output_cost ?? total_cost) === null
    ? {}
    : { cost: { input_cost: input_cost ?? 0, output_cost: output_cost ?? 0, total_cost: total_cost ?? 0 } }

const searched = (text: string): string => text.slice(0, searchedCharacters).toWellFormed()
