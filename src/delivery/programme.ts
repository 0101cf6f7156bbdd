import { Rehearsal } from '#project'
import { isEvaluated } from '#registry'
import type { TaskCall } from '#workflow'
import { liveRevision } from './deployment.ts'
import { testRows } from './golden.ts'
import type { DeliveryParts, RehearsalProgramme } from './parts.ts'
import { declaredDeployment } from './policy.ts'
import { recordedRows } from './recorded-rows.ts'
import { textParam } from './task.ts'

const usual = Rehearsal.parse({})

/**
 * What a version is tried with: what its champion was asked lately, or rows that it was tested on; the champion's cost, and
 * where the project wants that, the champion's answers.
 */
export async function programmeOf(parts: DeliveryParts, call: TaskCall): Promise<RehearsalProgramme> {
  const declared = await declaredDeployment(parts, call)
  const { requests, cost } = declared?.rehearsal ?? usual
  const champion = await liveRevision(parts, call.run.project, textParam(call, 'deployment'))
  const wanted = champion && declared?.replay
  const rowsMax = Math.max(requests, wanted?.rows ?? 0)
  const redacted = declared?.log?.redact ?? []
  const recorded = champion ? await recordedRows(parts, champion, { rowsMax, redacted }) : []
  const version = await parts.registry.version(textParam(call, 'version'))
  const isEnough = recorded.length >= requests
  const known = isEvaluated(version) && !isEnough ? await testRows(parts, version, requests, call.signal) : []
  return {
    requests,
    rows: { recorded: recorded.slice(0, requests).map(({ inputs }) => inputs), known },
    cost: champion && { champion: champion.bundle, most: cost },
    replay: wanted && { rows: recorded.slice(0, wanted.rows), rules: wanted },
  }
}
