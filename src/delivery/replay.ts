import type { Replay } from '#serving'
import type { TaskCall } from '#workflow'
import { liveRevision } from './deployment.ts'
import type { DeliveryParts } from './parts.ts'
import { declaredDeployment } from './policy.ts'
import { textParam } from './task.ts'

const rowsPerPage = 500

/**
 * The newest requests that the champion has answered, with what became true, for its challenger's rehearsal. Undefined when
 * the project wants none, and when there is no champion.
 */
export async function replayOf(parts: DeliveryParts, call: TaskCall): Promise<Replay | undefined> {
  const wanted = (await declaredDeployment(parts, call))?.replay
  const deployment = textParam(call, 'deployment')
  const champion = wanted && (await liveRevision(parts, call.run.project, deployment))
  if (!champion) return undefined
  const rows: Replay['rows'][number][] = []
  let after: string | undefined
  do {
    const page = await parts.serving.predictions({ deployment, order: 'arrival', limit: rowsPerPage, after })
    const own = page.items.filter(({ revision, error }) => revision === champion.id && error === undefined)
    const truths = await parts.truths(own.map(({ id }) => id))
    rows.push(...own.map(({ id, features, outputs }) => ({ inputs: features, outputs, truth: truths.get(id) })))
    after = page.items.length > 0 ? page.next : undefined
  } while (after !== undefined && rows.length < wanted.rows)
  return { rows: rows.slice(0, wanted.rows), rules: wanted }
}
