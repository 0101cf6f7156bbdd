import type { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import { notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { projectApplied } from '#project'
import { stageChanged, versionRegistered } from '#registry'
import { sourcePushed } from '#source'
import { on, type Handler } from '#storage'
import type { PlatformTask } from '#workflow'
import { ciHandlers, ciPipeline, onPushed } from './ci.ts'
import { snapshot } from './code.ts'
import { conversionOf, convert, onRegistered } from './conversion.ts'
import { onApplied, onStageChanged, releaseVersion, type ReleaseRequest } from './deploy.ts'
import type { DeliveryParts } from './parts.ts'
import { deployHandlers } from './release.ts'
import type { Conversion, DecidedMove } from './store.ts'
import type { BuildWire } from './wire.ts'

export type Build = z.output<typeof BuildWire>

/** The paper's CI/CD component (C1): from a push to what the project declares, from a promotion to what answers. */
export interface Delivery {
  /** What was pushed and became of it, newest first. */
  builds(project: string, page: PageRequest): Promise<Page<Build>>
  /** See {@link releaseVersion}. */
  release(request: ReleaseRequest): Promise<string | undefined>
  /** The code of a commit, as a tree. Throws `not_found`. */
  snapshot(project: string, commit: string): Promise<Digest>
  /** What became of writing a model version as ONNX. Throws `not_found` when nobody has tried. */
  conversion(version: string): Promise<Conversion>
  /** What was decided of the canaries of a deployment, newest first, and on what. Throws `not_found`. */
  canaryMoves(deployment: string): Promise<readonly DecidedMove[]>
  /** What it does on events: for `outbox.subscribe('delivery', …)`. */
  readonly handlers: readonly Handler[]
  /** The tasks of its pipelines, each for `workflow.provide`. */
  readonly tasks: Readonly<Record<string, PlatformTask>>
}

/** Of the last canaries. */
const movesMax = 200

export function createDelivery(parts: DeliveryParts): Delivery {
  return {
    async builds(project, page) {
      const { items, ...rest } = await parts.workflow.runs({ project, pipeline: ciPipeline }, page)
      const delivered = await parts.store.delivered(items.map(({ id }) => id))
      const builds = items.map(({ id, params, state, createdAt }) => {
        const bundle = delivered.get(id)?.code
        return {
          project,
          commit: String(params['commit']),
          subject: String(params['subject']),
          run: id,
          state,
          ...(bundle === undefined ? {} : { bundle }),
          at: createdAt,
        }
      })
      return { items: builds, ...rest }
    },

    release: request => releaseVersion(parts, request),
    snapshot: (project, commit) => snapshot(parts, project, commit),
    conversion: version => conversionOf(parts, version),
    async canaryMoves(deployment) {
      if ((await parts.serving.projectOf(deployment)) === undefined) throw notFound('deployment', deployment)
      return parts.store.moves(deployment, movesMax)
    },

    handlers: [
      on(sourcePushed, event => onPushed(parts, event)),
      on(stageChanged, event => onStageChanged(parts, event)),
      on(projectApplied, event => onApplied(parts, event)),
      on(versionRegistered, ({ data }) => onRegistered(parts, data.version)),
    ],

    tasks: { ...ciHandlers(parts), ...deployHandlers(parts), 'delivery.convert': call => convert(parts, call) },
  }
}
