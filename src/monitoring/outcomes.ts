import type { z } from 'zod'
import { lossOf, scoreOutput } from '#registry'
import { firstId } from '#kernel/id.ts'
import { compareOutcomes, type Arm } from './outcome.ts'
import type { Declarations, Models, Prediction, PredictionLog, ServedDeployments } from './ports.ts'
import type { TruthStore } from './store.ts'
import { scoreOf } from './window-rows.ts'
import type { OutcomesWire } from './wire.ts'

export type OutcomeReport = z.output<typeof OutcomesWire>

/** What the truth says of revisions that share, or last shared, the requests of a deployment. */
export interface Outcomes {
  /** Throws `not_found`. */
  outcomes(deployment: string): Promise<OutcomeReport>
}

export interface OutcomeParts {
  readonly serving: PredictionLog & ServedDeployments
  readonly registry: Pick<Models, 'evaluated'>
  readonly projects: Pick<Declarations, 'find'>
  readonly truths: Pick<TruthStore, 'since'>
}

/** The first so many answers with a truth are compared: what is not told apart by then differs by little. */
const rowsMax = 20_000
const idsPerRead = 5_000
const covariatesMax = 50

export function createOutcomes(parts: OutcomeParts): Outcomes {
  /** Of the last comparison of each deployment, by what it was made of. */
  const known = new Map<string, { key: string; report: OutcomeReport }>()
  return {
    async outcomes(name) {
      const { project, revisions, traffic } = await parts.serving.deployment(name)
      const objective = (await parts.projects.find(project))?.spec.objective
      const contest = contestOf(traffic)
      if (!objective || !contest) return { deployment: name, arms: [], differences: [] }
      const loss = lossOf[objective.metric]
      const { from, to, ids } = contest
      const truths = await parts.truths.since(name, range(from, to), rowsMax)
      const key = `${loss} ${from} ${to} ${[...truths.values()].join()}`
      const before = known.get(name)
      if (before?.key === key) return before.report
      const numbers = new Map(revisions.map(({ id, number }) => [id as string, number]))
      const ordered = ids.toSorted((a, b) => (numbers.get(a) ?? 0) - (numbers.get(b) ?? 0))
      const arms = await armsOf(parts, ordered, truths)
      const compared = compareOutcomes(loss, arms as [Arm, ...Arm[]])
      const report = {
        deployment: name,
        loss,
        from: from as OutcomeReport['from'],
        ...(to !== undefined && { to: to as OutcomeReport['to'] }),
        arms: compared.arms.map(arm => ({ ...arm, number: numbers.get(arm.revision) ?? 0 })),
        differences: compared.differences.map(({ adjusted, ...difference }) => ({
          ...difference,
          ...(adjusted && { adjusted: { ...adjusted, by: [...adjusted.by] } }),
        })),
      }
      known.set(name, { key, report })
      return report
    },
  }
}

interface Contest {
  readonly ids: readonly string[]
  readonly from: number
  /** Undefined while it lasts. */
  readonly to: number | undefined
}

type Traffic = Awaited<ReturnType<ServedDeployments['deployment']>>['traffic']

/** When the same revisions last shared the requests; their weights may have changed meanwhile. `traffic` is newest first. */
export function contestOf(traffic: Traffic): Contest | undefined {
  const last = traffic.findIndex(({ weights }) => Object.keys(weights).length > 1)
  if (last < 0) return undefined
  const ids = Object.keys(traffic[last]!.weights).toSorted()
  const same = ({ weights }: Traffic[number]): boolean => Object.keys(weights).toSorted().join() === ids.join()
  const before = traffic.findIndex((change, index) => index > last && !same(change))
  const first = traffic.at(before < 0 ? -1 : before - 1)!
  return { ids, from: first.at, to: traffic[last - 1]?.at }
}

const range = (from: number, to: number | undefined) => ({
  from: firstId('prd', from),
  to: to === undefined ? undefined : firstId('prd', to),
})

/** The answers of each revision whose truth is known; who chose their revision say nothing about the others. */
async function armsOf(
  { serving, registry }: OutcomeParts,
  ids: readonly string[],
  truths: ReadonlyMap<string, number>,
): Promise<readonly Arm[]> {
  const answers = new Map(ids.map(id => [id, [] as Prediction[]]))
  const asked = [...truths.keys()]
  for (let start = 0; start < asked.length; start += idsPerRead)
    for (const prediction of await serving.predictionsById(asked.slice(start, start + idsPerRead)))
      if (!prediction.forced && prediction.error === undefined) answers.get(prediction.revision)?.push(prediction)
  const covariates = covariatesOf([...answers.values()].flat())
  return Promise.all(
    [...answers].map(async ([revision, own]) => {
      const version = own[0] && (await registry.evaluated(own[0].version))
      const key = version && scoreOutput(version.signature).key
      const rows = own.flatMap(prediction => {
        const score = key === undefined ? undefined : scoreOf(prediction, key)
        return typeof score === 'number' ? [{ prediction, score, label: truths.get(prediction.id)! }] : []
      })
      return {
        revision,
        score: rows.map(({ score }) => score),
        label: rows.map(({ label }) => label),
        covariates: Object.fromEntries(
          covariates.map(name => [
            name,
            Float64Array.from(rows, ({ prediction }) => numberOf(prediction, name) ?? NaN),
          ]),
        ),
      }
    }),
  )
}

/** Inputs that are numbers: they are there before the lot falls, so they are the same for every revision. */
function covariatesOf(predictions: readonly Prediction[]): readonly string[] {
  const names = new Set<string>()
  for (const prediction of predictions)
    for (const name of Object.keys(prediction.features)) if (numberOf(prediction, name) !== undefined) names.add(name)
  return [...names].toSorted().slice(0, covariatesMax)
}

function numberOf({ features }: Prediction, name: string): number | undefined {
  const value = features[name]
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
