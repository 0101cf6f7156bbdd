import type { z } from 'zod'
import { conflict } from '#kernel/error.ts'
import type { contents, stages, AliasMoveWire, ModelVersionWire, ModelWire, TransitionWire } from './wire.ts'

export type Stage = (typeof stages)[number]
export type Content = (typeof contents)[number]

/**
 * One model of a line of models, trained here or registered by a client. What it is never changes: digest, source, what
 * it was made from. What is said of it may: stage, aliases, tags, description.
 */
export type ModelVersion = z.output<typeof ModelVersionWire>
export type Transition = z.output<typeof TransitionWire>
export type AliasMove = z.output<typeof AliasMoveWire>
export type Model = z.output<typeof ModelWire>

type Evaluated = 'digest' | 'bytes' | 'signature' | 'evaluation' | 'run'

/** A version that the platform made: ONNX bytes, judged by a gate. Only such a one is served, delivered and monitored. */
export type EvaluatedVersion = ModelVersion & { readonly content: 'onnx' } & {
  readonly [Field in Evaluated]-?: NonNullable<ModelVersion[Field]>
}

export const isEvaluated = (version: ModelVersion): version is EvaluatedVersion => version.evaluation !== undefined

/** Throws `conflict` for a version that was only registered. */
export function requireEvaluated(version: ModelVersion): EvaluatedVersion {
  if (isEvaluated(version)) return version
  throw conflict(
    `Version ${version.version} of ${version.fullName} was registered by a client and has no evaluation: only versions that a pipeline registers after \`registry.evaluate\` are served, delivered and monitored.`,
    { version: version.id, allowed: 'a version with an evaluation' },
  )
}

/** Where a version of a gated model may go from each stage. From archived to production: that is a roll-back. */
const next: Readonly<Record<Stage, readonly Stage[]>> = {
  candidate: ['rejected', 'staging', 'archived'],
  rejected: ['archived'],
  staging: ['production', 'archived'],
  production: ['archived'],
  archived: ['staging', 'production'],
}

/**
 * Throws `conflict`, naming what is allowed, unless the version may go to `to`. Versions of a model without a gate go
 * wherever MLflow's would.
 */
export function requireMove(version: ModelVersion, to: Stage, gated: boolean): void {
  if (!gated) return
  const { stage, version: number, model } = version
  const passed = gatePassed(version)
  const allowed = next[stage].filter(target => passed || target === 'archived' || target === 'rejected')
  if (allowed.includes(to)) return
  throw conflict(`Version ${number} of ${model} is in ${stage} and cannot move to ${to}.${whyNot(version)}`, {
    from: stage,
    to,
    allowed,
    failed: failedRules(version),
  })
}

/** Throws `conflict` unless the version may bear an alias that stands for production. */
export function requireAlias(version: ModelVersion, alias: string, guarded: boolean): void {
  if (!guarded || gatePassed(version)) return
  throw conflict(
    `Version ${version.version} of ${version.model} cannot have the alias ${alias}, which stands for production.${whyNot(version)}`,
    { alias, failed: failedRules(version) },
  )
}

const gatePassed = ({ evaluation }: ModelVersion): boolean => evaluation?.gate.passed ?? false

const failedRules = ({ evaluation }: ModelVersion) => (evaluation?.gate.rules ?? []).filter(({ passed }) => !passed)

function whyNot(version: ModelVersion): string {
  if (!version.evaluation) return ' It has no evaluation, and this model has a gate.'
  const failed = failedRules(version)
  return failed.length > 0 ? ` Its gate failed: ${failed.map(({ rule }) => rule).join(', ')}.` : ''
}
