import { keepPreviousData, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState, type ReactNode } from 'react'
import { comparisonOf } from '../api-tracking.ts'
import { differences, extremes, originOf, type Difference } from '../compare-runs.ts'
import { number, plural } from '../format.ts'
import { comparePath, experimentPath, trackingRunPath } from '../paths.ts'
import { given } from '../run-query.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Card } from '../ui/card.tsx'
import { colourOf } from '../ui/charts/metric-lines.ts'
import { Empty } from '../ui/empty.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { TrackingRun } from '../wire.ts'
import { alongOf, ChartChoices, MetricCharts } from './metric-charts.tsx'
import { isPlainTag } from './run-cards.tsx'
import { RunState, RunTook } from './run-grid.tsx'

const here = '/experiments/compare'

/** What is different about these runs, and which of them is better? */
export function ComparePage() {
  const { runs = '' } = useSearch({ from: here })
  const ids = useMemo(() => [...new Set(runs.split(',').filter(Boolean))], [runs])
  return (
    <Page title="Compare runs" above={[['Experiments', '/experiments']]}>
      {ids.length === 0 ? (
        <Card>
          <Empty title="No run was chosen">Choose runs in the table of an experiment, then Compare.</Empty>
        </Card>
      ) : (
        <Comparison ids={ids} />
      )}
    </Page>
  )
}

function Comparison({ ids }: { ids: readonly string[] }) {
  const { data } = useSuspenseQuery(comparisonOf(ids))
  const runs = data.items
  const texts = (of: (run: TrackingRun) => Readonly<Record<string, string>>) => differences(runs.map(of))
  return (
    <>
      <Card title="Parameters" note={plural(runs.length, 'run')} flush>
        <Differences
          label="Parameters"
          runs={runs}
          rows={texts(({ params }) => params)}
          none="None of these runs has parameters."
          what="parameter"
        />
      </Card>
      <MetricsCard runs={runs} />
      <Charts runs={runs} />
      <Card title="Code, environment and data" flush>
        <Differences
          label="Code, environment and data"
          runs={runs}
          rows={texts(originOf)}
          none="Their clients did not say where code, environment and data came from."
          what="fact"
        />
      </Card>
      <Card title="Tags" flush>
        <Differences
          label="Tags"
          runs={runs}
          rows={texts(({ tags }) => Object.fromEntries(Object.entries(tags).filter(isPlainTag)))}
          none="None of these runs has tags."
          what="tag"
        />
      </Card>
    </>
  )
}

interface SideBySideProps {
  readonly label: string
  readonly runs: readonly TrackingRun[]
  readonly children: ReactNode
}

/** A column for each run, under its name. */
const SideBySide = ({ label, runs, children }: SideBySideProps) => (
  <div className="table-wrap">
    <table className="table compare" aria-label={label}>
      <thead>
        <tr>
          <th scope="col" className="pinned">
            <span className="hidden">Name</span>
          </th>
          {runs.map((run, index) => (
            <Head key={run.id} run={run} index={index} runs={runs} />
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
)

function Head({ run, index, runs }: { run: TrackingRun; index: number; runs: readonly TrackingRun[] }) {
  return (
    <th scope="col" aria-label={run.name || run.id}>
      <span className="row compare-head">
        <i className={`mark ${colourOf(index)}`} />
        <To to={trackingRunPath(run.experiment, run.id)} title={run.id}>
          {run.name || run.id.slice(0, 8)}
        </To>
        <To
          to={comparePath(runs.filter(each => each !== run).map(({ id }) => id))}
          className="muted"
          title={`Leave ${run.name} out`}
        >
          ×
        </To>
      </span>
    </th>
  )
}

interface DifferencesProps {
  readonly label: string
  readonly runs: readonly TrackingRun[]
  readonly rows: ReturnType<typeof differences>
  readonly none: string
  readonly what: string
}

/** Only what differs, until the rest is asked for. */
function Differences({ label, runs, rows: { different, same }, none, what }: DifferencesProps) {
  const [isWhole, setWhole] = useState(false)
  if (different.length + same.length === 0) return <p className="muted small card-body">{none}</p>
  return (
    <>
      {(different.length > 0 || isWhole) && (
        <SideBySide label={label} runs={runs}>
          {[...different, ...(isWhole ? same : [])].map(row => (
            <Row key={row.name} row={row} />
          ))}
        </SideBySide>
      )}
      {different.length === 0 && !isWhole && (
        <p className="muted small card-body">Every {what} is the same in all of them.</p>
      )}
      {same.length > 0 && (
        <div className="more row">
          <button type="button" className="tag" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole ? 'Only what differs' : `${plural(same.length, what)} the same in all`}
          </button>
        </div>
      )}
    </>
  )
}

const Row = ({ row: { name, values, isSame } }: { row: Difference }) => (
  <tr>
    <th scope="row" className="pinned">
      <code className="clip" title={name}>
        {name}
      </code>
    </th>
    {values.map((value, index) => (
      <td key={index} className={isSame ? 'muted' : undefined}>
        <span className="long-text">{value ?? <span className="muted">–</span>}</span>
      </td>
    ))}
  </tr>
)

/** The latest values, or those of a step that is asked for. */
function MetricsCard({ runs }: { runs: readonly TrackingRun[] }) {
  const search = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const step = /^-?\d{1,15}$/.test(search.step ?? '') ? Number(search.step) : undefined
  const ids = useMemo(() => runs.map(({ id }) => id), [runs])
  const asked = useQuery({ ...comparisonOf(ids, step), enabled: step !== undefined, placeholderData: keepPreviousData })
  const which = step === undefined ? 'the latest value of each' : `at step ${step}, or the last one before it`
  return (
    <Card
      title="Metrics"
      note={`${which}; lowest and highest are marked`}
      flush
      actions={
        <label className="check">
          At step
          <input
            type="number"
            className="select"
            placeholder="latest"
            value={search.step ?? ''}
            onChange={({ currentTarget: { value } }) =>
              void navigate({
                search: given<typeof search>({ ...search, step: value || undefined }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        </label>
      }
    >
      {asked.error ? (
        <Trouble error={asked.error} />
      ) : (
        <Metrics runs={(step !== undefined && asked.data?.items) || runs} keys={keysOf(runs)} />
      )}
    </Card>
  )
}

function Metrics({ runs, keys }: { runs: readonly TrackingRun[]; keys: readonly string[] }) {
  return (
    <SideBySide label="Metrics" runs={runs}>
      <tr>
        <th scope="row" className="pinned">
          State
        </th>
        {runs.map(run => (
          <td key={run.id}>
            <RunState status={run.status} />
          </td>
        ))}
      </tr>
      <tr>
        <th scope="row" className="pinned">
          Took
        </th>
        {runs.map(run => (
          <td key={run.id}>
            <RunTook run={run} />
          </td>
        ))}
      </tr>
      {keys.map(key => (
        <MetricRow key={key} name={key} values={runs.map(({ metrics }) => metrics[key]?.value)} />
      ))}
    </SideBySide>
  )
}

function MetricRow({ name, values }: { name: string; values: readonly (number | null | undefined)[] }) {
  const ends = extremes(values)
  return (
    <tr>
      <th scope="row" className="pinned">
        <code className="clip" title={name}>
          {name}
        </code>
      </th>
      {values.map((value, index) => (
        <td key={index} className="num">
          {value === undefined && <span className="muted">–</span>}
          {value === null && 'NaN'}
          {typeof value === 'number' && <span title={String(value)}>{number(value)}</span>}
          {typeof value === 'number' && value === ends?.low && <span className="muted small"> lowest</span>}
          {typeof value === 'number' && value === ends?.high && <span className="muted small"> highest</span>}
        </td>
      ))}
    </tr>
  )
}

const keysOf = (runs: readonly TrackingRun[]): readonly string[] =>
  [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics)))].toSorted((a, b) => a.localeCompare(b, 'en'))

function Charts({ runs }: { runs: readonly TrackingRun[] }) {
  const search = useSearch({ from: here })
  const { axis, scale } = search
  const navigate = useNavigate({ from: here })
  const keys = useMemo(() => keysOf(runs), [runs])
  const named = useMemo(() => runs.map(({ id, name }) => ({ id, name: name || id.slice(0, 8) })), [runs])
  if (keys.length === 0) return undefined
  const [first] = runs
  return (
    <Card
      title="Charts"
      note={first && <To to={experimentPath(first.experiment)}>experiment of {first.name}</To>}
      actions={
        <ChartChoices
          along={alongOf(axis)}
          isLog={scale === 'log'}
          onChange={change =>
            void navigate({ search: given<typeof search>({ ...search, ...change }), replace: true, resetScroll: false })
          }
        />
      }
    >
      <MetricCharts
        runs={named}
        keys={keys}
        along={alongOf(axis)}
        isLog={scale === 'log'}
        isLive={runs.some(({ status }) => status === 'RUNNING')}
      />
    </Card>
  )
}
