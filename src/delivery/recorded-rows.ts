import type { Replay } from '#serving'
import type { DeliveryParts, DeployedRevision } from './parts.ts'

const rowsPerPage = 500
/** A log may hold millions that others have answered. */
const pagesPerWanted = 4

/**
 * The newest requests that the champion has answered, with what became true; at most so many, and of the newest pages of
 * the log: of a champion that takes few requests, fewer.
 * @param redacted Inputs of which the log has a hash in place of the value: they are left out.
 */
export async function recordedRows(
  parts: Pick<DeliveryParts, 'serving' | 'truths'>,
  { id: champion, deployment }: Pick<DeployedRevision, 'id' | 'deployment'>,
  { rowsMax, redacted }: { rowsMax: number; redacted: readonly string[] },
): Promise<Replay['rows']> {
  const rows: Replay['rows'][number][] = []
  let after: string | undefined
  let pagesLeft = pagesPerWanted * Math.ceil(rowsMax / rowsPerPage)
  do {
    const page = await parts.serving.predictions({ deployment, order: 'arrival', limit: rowsPerPage, after })
    const own = page.items.filter(({ revision, error }) => revision === champion && error === undefined)
    const truths = await parts.truths(own.map(({ id }) => id))
    rows.push(
      ...own.map(({ id, features, outputs }) => ({
        inputs: without(features, redacted),
        outputs,
        truth: truths.get(id),
      })),
    )
    after = page.items.length > 0 ? page.next : undefined
  } while (after !== undefined && rows.length < rowsMax && --pagesLeft > 0)
  return rows.slice(0, rowsMax)
}

const without = <Value>(features: Readonly<Record<string, Value>>, names: readonly string[]): Record<string, Value> =>
  Object.fromEntries(Object.entries(features).filter(([name]) => !names.includes(name)))
