import { useMemo } from 'react'
import { inline, number } from '../format.ts'
import { Grid, type GridColumn } from '../ui/grid.tsx'
import { State } from '../ui/state.tsx'
import { Took } from '../ui/time.tsx'
import type { Study, Trial } from '../wire.ts'

interface TrialGridProps {
  readonly study: Study
  readonly trials: readonly Trial[]
  /** `best` first, or the newest. */
  readonly order: string | undefined
  readonly onOrder: (order: string | undefined) => void
}

const states: Readonly<Record<Trial['state'], readonly [state: string, label: string]>> = {
  running: ['running', 'running'],
  complete: ['done', 'complete'],
  pruned: ['skipped', 'stopped early'],
  failed: ['failed', 'failed'],
}

/** Trials with what they tried: all of them, of which those in sight are drawn. */
export function TrialGrid({ study, trials, order, onOrder }: TrialGridProps) {
  const isBest = order === 'best'
  const rows = useMemo(() => {
    const sign = study.direction === 'minimise' ? 1 : -1
    const worth = ({ value }: Trial): number => (value === undefined ? Number.POSITIVE_INFINITY : sign * value)
    return isBest ? trials.toSorted((a, b) => worth(a) - worth(b)) : trials.toReversed()
  }, [study, trials, isBest])
  const columns: readonly GridColumn<Trial>[] = [
    {
      id: 'number',
      title: 'Trial',
      width: 76,
      pinned: true,
      cell: trial => trial.number,
      onSort: () => onOrder(undefined),
      sorted: isBest ? undefined : 'descending',
    },
    {
      id: 'state',
      title: 'State',
      width: 130,
      cell: ({ state, error }) => (
        <span title={error}>
          <State state={states[state][0]} label={states[state][1]} />
        </span>
      ),
    },
    {
      id: 'value',
      title: study.metric,
      width: 110,
      align: 'right',
      cell: ({ value }) => (value === undefined ? '–' : number(value)),
      onSort: () => onOrder('best'),
      sorted: isBest ? (study.direction === 'minimise' ? 'ascending' : 'descending') : undefined,
    },
    ...Object.keys(study.space).map(name => ({
      id: `param ${name}`,
      title: name,
      width: 120,
      cell: ({ params }: Trial) => {
        const value = params[name]
        return value === undefined ? '' : typeof value === 'number' ? number(value) : inline(value)
      },
    })),
    {
      id: 'took',
      title: 'Took',
      width: 90,
      align: 'right',
      cell: ({ startedAt, endedAt }) => <Took from={startedAt} to={endedAt} />,
    },
  ]
  return (
    <Grid
      label="Trials"
      rows={rows}
      columns={columns}
      keyOf={trial => String(trial.number)}
      isSelected={trial => trial.number === study.best?.number}
    />
  )
}
