import type { Permission } from '#access'
import type { Traces } from '#traces'
import { experimentResource } from '#tracking'
import { readable, type Experiments } from './experiment-scope.ts'
import type { Caller } from './route.ts'

/** What a call about a trace asks permission for: the experiment of the trace. Throws `not_found` without the trace. */
export const onTrace = (traces: Pick<Traces, 'experimentOf'>) => (permission: Permission) =>
  [
    permission,
    async (said: { trace_id?: string | undefined; request_id?: string | undefined }) =>
      experimentResource(await traces.experimentOf(said.trace_id ?? said.request_id ?? '')),
  ] as const

/** Those of the traces that are there and that the caller may read. */
export async function readableTraces(
  { traces, experiments }: { traces: Pick<Traces, 'experimentsOf'>; experiments: Experiments },
  ids: readonly string[],
  caller: Caller,
): Promise<string[]> {
  const owners = await traces.experimentsOf(ids)
  const allowed = new Set(await readable(experiments, [...owners.values()], caller))
  return ids.filter(id => allowed.has(owners.get(id) ?? ''))
}
