import type { z } from 'zod'
import { conflict } from '#kernel/error.ts'
import type { ModelSpec } from '#project'
import type { ApprovalStateWire, ApprovalWire } from './wire.ts'

/** One person's word on the files of a version. A later word of the same person replaces it. */
export type Approval = z.output<typeof ApprovalWire>
export type ApprovalState = z.output<typeof ApprovalStateWire>
export type ApprovalRule = NonNullable<ModelSpec['approvals']>

/** What the rule needs to know of a version. */
export interface Judged {
  readonly digest: string | undefined
  /** Who started what made it, or registered it. */
  readonly maker: string
}

/**
 * Where a version stands. An approval counts when it is about these files, its giver has one of the roles, and, under
 * four eyes, is not who made the version. A rejection that stands holds it back however many approve.
 */
export function approvalState(
  rule: ApprovalRule | undefined,
  { digest, maker }: Judged,
  given: readonly Approval[],
): ApprovalState {
  const approvals = [...given]
  if (!rule) return { required: 0, approvals, missing: [] }
  const standing = [...new Map(given.filter(one => one.digest === digest).map(one => [one.actor, one])).values()]
  const rejected = standing.filter(({ verdict }) => verdict === 'reject')
  const counted = standing.filter(
    ({ verdict, role, actor }) =>
      verdict === 'approve' && rule.roles.includes(role as never) && !(rule.fourEyes && actor === maker),
  )
  const lacking = rule.count - counted.length
  return {
    required: rule.count,
    approvals,
    missing: [
      ...rejected.map(({ actor, reason }) => `${actor} has rejected it: ${reason}`),
      ...(lacking > 0 ? [demand(rule, lacking, maker)] : []),
    ],
  }
}

function demand({ roles, fourEyes }: ApprovalRule, lacking: number, maker: string): string {
  const whose = fourEyes ? `, not by ${maker}, who made it` : ''
  return `${lacking} more ${lacking === 1 ? 'approval' : 'approvals'} by ${roles.join(' or ')}${whose}`
}

/** Throws `conflict`, naming what is missing, unless the version is approved. */
export function requireApproved(name: string, { required, missing }: ApprovalState): void {
  if (missing.length > 0)
    throw conflict(`${name} cannot go to production: it needs ${missing.join('; ')}.`, { required, missing })
}
