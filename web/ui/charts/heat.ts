import type { MonitorWindow, Signal } from '../../wire.ts'

/** The heat-map of a monitor as data: rows are what is measured, columns are windows, oldest first. */

export interface HeatCell {
  readonly window: MonitorWindow
  readonly signal: Signal
}

export interface HeatRow {
  readonly name: string
  readonly kind: Signal['kind']
  readonly importance: number
  readonly cells: readonly (HeatCell | undefined)[]
}

/** Rows with the most to say first: importance to the model times the worst score of any window. */
export function heatRows(windows: readonly MonitorWindow[]): HeatRow[] {
  const rows = new Map<
    string,
    { name: string; kind: Signal['kind']; importance: number; cells: (HeatCell | undefined)[]; worst: number }
  >()
  windows.forEach((window, index) => {
    for (const signal of window.signals) {
      const key = `${signal.kind}/${signal.name}`
      const row = rows.get(key) ?? {
        name: signal.name,
        kind: signal.kind,
        importance: 0,
        cells: windows.map(() => undefined),
        worst: 0,
      }
      row.cells[index] = { window, signal }
      row.importance = Math.max(row.importance, signal.importance ?? 0)
      row.worst = Math.max(row.worst, ratioOf(signal))
      rows.set(key, row)
    }
  })
  const rank = ({ kind, importance, worst }: { kind: Signal['kind']; importance: number; worst: number }): number =>
    kind === 'feature_drift' ? (0.1 + importance) * worst : 100 - order.indexOf(kind)
  return [...rows.values()].toSorted((a, b) => rank(b) - rank(a))
}

const order: readonly Signal['kind'][] = [
  'contract',
  'performance',
  'prediction_drift',
  'service',
  'missing',
  'feature_drift',
]

/** Score over threshold: 1 is where the alarm begins. */
export const ratioOf = ({ score, threshold }: Pick<Signal, 'score' | 'threshold'>): number =>
  threshold > 0 ? Math.max(0, score) / threshold : score > 0 ? 2 : 0

/** A step of the colour scale, 0 to 6: up to 4 below the threshold, above it 5 and 6. */
export function heatStep(ratio: number): number {
  if (ratio >= 2) return 6
  if (ratio >= 1) return 5
  return Math.min(4, Math.floor(ratio * 5))
}
