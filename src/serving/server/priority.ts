import { show } from './bind.ts'
import { badRequest } from './request-error.ts'

/** There are two: somebody waits for the answer (interactive), or nobody does at this moment (batch), which gives way. */

/** By `parameters.priority`, of which 1 is the highest and 0 the usual one [Triton, extension schedule_policy]. Throws `RequestError`. */
export function isBatchIn(parameters: unknown): boolean {
  const priority = (parameters as { priority?: unknown } | null | undefined)?.priority
  if (priority === undefined) return false
  if (Number.isSafeInteger(priority) && (priority as number) >= 0) return (priority as number) > 1
  throw badRequest(`Parameter priority: ${show(priority)} is not a whole number: 1 is the highest, above it is batch.`)
}

export const priorityHeader = 'x-trainyard-priority'

/** By the header, over every protocol. Throws `RequestError`. */
export function isBatchBy(header: string | undefined): boolean {
  if (header === undefined || header === 'interactive') return false
  if (header === 'batch') return true
  throw badRequest(`Header ${priorityHeader}: ${show(header)}; there is interactive and batch.`)
}
