import { setImmediate as nextTurn } from 'node:timers/promises'
import { normalQuantile, twoProportion } from '#statistics'
import type { MovedFeature } from './cause.ts'
import { percent } from './contract.ts'
import { columnDrift, type ColumnPair, type DriftRule } from './drift.ts'
import { isMissing, pick, positionsWhere, rowCount, type Cell, type Frame } from './frame.ts'
import type { Reference } from './reference.ts'
import type { Comparison } from './season.ts'
import { unseenRows, unseenSignal } from './segment.ts'
import { persistentState, type Signal } from './signal.ts'
import type { Neighbours, WindowRows } from './window.ts'

const alphaAll = 0.05
const largeWindow = 1_000

interface DriftInput {
  readonly window: WindowRows
  readonly reference: Reference
  readonly comparison: Comparison
  readonly neighbours: Neighbours
}

/** Every feature, the score and the entity key against the reference, and what may be a cause of a loss. */
export async function driftSignals(
  input: DriftInput,
): Promise<{ signals: readonly Signal[]; moved: readonly MovedFeature[] }> {
  const { window, reference, comparison, neighbours } = input
  const names = Object.keys(reference.frame.features)
  const rows = rowCount(window.frame)
  const groups = groupsOf(reference, window.frame)
  const rule: DriftRule = {
    alpha: alphaAll / ((names.length + 2) * groups.length),
    effect: rows >= largeWindow ? 0.1 : 0.25,
    bins: rows < 200 ? 5 : 10,
  }
  const signals: Signal[] = []
  const moved: MovedFeature[] = []
  for (const name of names) {
    await nextTurn()
    const importance = reference.importance[name] ?? 0
    const candidates = groups.flatMap(group => {
      const pair = pairOf(
        reference.frame.features[name]!,
        pick(window.frame.features[name] ?? [], group.rows),
        comparison,
      )
      const drift = columnDrift(pair, rule)
      return drift
        ? [{ name, importance, drift, reference: pair.reference, current: pair.current, where: group.where }]
        : []
    })
    const worst = candidates.sort((a, b) => b.drift.score / b.drift.threshold - a.drift.score / a.drift.threshold)[0]
    signals.push(driftSignal({ kind: 'feature_drift', name, importance }, worst, neighbours))
    if (worst) moved.push(worst)
    signals.push(
      ...missingSignal(
        name,
        { reference: reference.frame.features[name]!, current: window.frame.features[name] ?? [] },
        rule.alpha,
        neighbours,
      ),
    )
  }
  const scores = columnDrift(pairOf(reference.frame.score, window.frame.score, comparison), rule)
  signals.unshift(
    driftSignal({ kind: 'prediction_drift', name: 'score' }, scores && { drift: scores, where: '' }, neighbours),
  )
  const unseen = unseenSignal(reference.entity, reference.frame, window.frame)
  // A key that was never there is a fact and not a score: it needs no second window.
  if (unseen) signals.unshift({ ...unseen, state: unseen.score > unseen.threshold ? 'alarm' : 'ok' })
  return { signals, moved }
}

/** All rows, and those of entities that the reference does not know: a mixture would hide what they have shifted. */
function groupsOf(reference: Reference, frame: Frame): readonly { rows: readonly number[]; where: string }[] {
  const all = { rows: positionsWhere(frame, () => true), where: '' }
  const unseen = unseenRows(reference.frame, frame)
  if (unseen.length === 0 || unseen.length === all.rows.length) return [all]
  const keys = [...new Set(pick(frame.key, unseen))]
  return [all, { rows: unseen, where: ` in ${keys.length === 1 ? keys[0] : `${keys.length} new entities`}` }]
}

const pairOf = (reference: readonly Cell[], current: readonly Cell[], { rows, stretches }: Comparison): ColumnPair => ({
  reference: pick(reference, rows),
  current,
  stretches: stretches.map(stretch => ({
    rows: pick(reference, stretch.rows),
    others: pick(reference, stretch.others),
  })),
})

type DriftName = Pick<Signal, 'kind' | 'name' | 'importance'>

function driftSignal(
  name: DriftName,
  found: Pick<MovedFeature, 'drift' | 'where'> | undefined,
  neighbours: Neighbours,
): Signal {
  if (!found)
    return {
      ...name,
      state: 'insufficient',
      score: 0,
      threshold: 0,
      because: 'Fewer than 20 values: nothing can be said.',
    }
  const { score, threshold, because, bins } = found.drift
  const text = found.where === '' ? because : `Rows${found.where} alone. ${because}`
  const wire = { labels: [...bins.labels], reference: [...bins.reference], current: [...bins.current] }
  return withState({ ...name, score, threshold, because: text, bins: wire }, score >= threshold, neighbours)
}

const withState = (signal: Omit<Signal, 'state'>, exceeds: boolean, { before }: Neighbours): Signal => ({
  ...signal,
  state: persistentState(exceeds, other => other.kind === signal.kind && other.name === signal.name, before),
})

/** The share of missing values, where there are any on either side. */
function missingSignal(
  name: string,
  { reference, current }: { reference: readonly Cell[]; current: readonly Cell[] },
  alpha: number,
  neighbours: Neighbours,
): readonly Signal[] {
  const [before, now] = [reference.filter(isMissing).length, current.filter(isMissing).length]
  if ((before === 0 && now === 0) || reference.length === 0 || current.length === 0) return []
  const { z } = twoProportion({ successesA: now, totalA: current.length, successesB: before, totalB: reference.length })
  const threshold = before / reference.length + 0.01
  const exceeds = now / current.length >= threshold && z > normalQuantile(1 - alpha)
  const because = `1 point above ${percent(before / reference.length)} in the training set, and more than chance (z = ${z.toFixed(1)}).`
  return [withState({ kind: 'missing', name, score: now / current.length, threshold, because }, exceeds, neighbours)]
}
