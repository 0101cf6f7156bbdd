import type { DeploymentQuestion, Flow } from './graph.ts'
import { beginCourse, infer, type InferParts } from './infer.ts'
import { RequestError } from './request-error.ts'
import type { RouteTable } from './route-table.ts'
import type { OutputColumn } from './runtime.ts'
import { bindTable, type Table } from './table.ts'

type Parts = InferParts & { readonly table: Pick<RouteTable, 'deployment'> }

/**
 * What a deployment answers to a node of a graph: as to any client, with features looked up, canaries and the log. Columns
 * are taken by name, and others left out. Throws `RequestError`.
 */
export async function askDeployment(
  parts: Parts,
  { name, flow, until, isFirst }: DeploymentQuestion,
): Promise<readonly OutputColumn[]> {
  const deployment = parts.table.deployment(name)
  if (!deployment) throw new RequestError('unavailable', `The deployment ${name} does not answer yet.`)
  const table = tableOf(flow)
  const request = {
    deployment,
    revision: undefined,
    content: model => bindTable(model, table, { strict: false }),
    until,
    ids: isFirst && flow.ids.length > 0 ? flow.ids : undefined,
  } satisfies Parameters<typeof infer>[1]
  return (await infer(parts, request, beginCourse())).outputs
}

/** Columns of one value for each row; a request has no others. */
function tableOf({ rows, columns }: Flow): Table {
  const plain = [...columns.values()].filter(({ width }) => width === 1)
  return { names: plain.map(({ name }) => name), rows, column: place => plain[place]!.values }
}
