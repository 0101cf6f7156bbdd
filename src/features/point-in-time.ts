import { identifier } from '#storage'

/** Rows of a view, to be joined as of an instant. */
export interface JoinedView {
  /** SQL relation with the columns `__key`, `__time` and the fields; at most one row for a key and a time. */
  readonly relation: string
  readonly fields: readonly { readonly field: string; readonly name: string }[]
  readonly maxAgeMs?: number | undefined
}

/**
 * SQL of a point-in-time-correct join. `asked` is a relation with the columns `__row` (unique), `__key` and `__time`; the
 * answer has a row for each of its rows, in no order: `__row`, `__seen` (how many views had a row), and each feature as
 * of `__time`.
 *
 * The newest row at or before the instant wins, the instant included; a row older than `maxAgeMs` counts as none, one
 * exactly as old does not. A missing key or instant finds nothing: DuckDB's ASOF JOIN on its own gives such a row the
 * newest value of all, and with ties whichever its plan meets first, so that NULLs are kept out on both sides and ties
 * are excluded by the callers.
 */
export function pointInTimeJoin(asked: string, views: readonly JoinedView[]): string {
  const joins = views.map((view, index) => {
    const columns = view.fields.map(({ field }) => `found.${identifier(field)}`)
    const known = (relation: string): string =>
      `(select * from ${relation} where __key is not null and __time is not null)`
    return `left join (
  select asked.__row, ${['found.__time as __found', ...columns].join(', ')}
  from ${known(asked)} asked asof join ${known(view.relation)} found on asked.__key = found.__key and asked.__time >= found.__time
  where ${view.maxAgeMs === undefined ? 'true' : `found.__time >= asked.__time - to_milliseconds(${view.maxAgeMs})`}
) view_${index} on view_${index}.__row = asked.__row`
  })
  const features = views.flatMap(({ fields }, index) =>
    fields.map(({ field, name }) => `view_${index}.${identifier(field)} as ${identifier(name)}`),
  )
  const seen = views.map((_, index) => `(view_${index}.__found is not null)::integer`).join(' + ') || '0'
  return `select ${['asked.__row', `${seen} as __seen`, ...features].join(', ')} from ${asked} asked ${joins.join(' ')}`
}
