import { Button } from '@mantine/core'
import { keepPreviousData, useInfiniteQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { experimentOf, runRowsOf, type RunsAsked } from '../api-tracking.ts'
import { number, plural } from '../format.ts'
import { comparePath } from '../paths.ts'
import { columnsOf, columnsText, firstColumns, given } from '../run-query.ts'
import { Page } from '../shell/page.tsx'
import { Card, Facts, Skeleton } from '../ui/card.tsx'
import { Id } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { Tag } from '../ui/state.tsx'
import { NoMatch } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { ExperimentDetail } from '../wire.ts'
import { ColumnMenu } from './column-menu.tsx'
import { FilterBox } from './filter-box.tsx'
import { RunGrid } from './run-grid.tsx'

const here = '/experiments/$experiment'
const liveMs = 5_000
const idleMs = 20_000
const comparedMax = 50

/** Which runs of this experiment are best, and what was different about them? */
export function ExperimentPage() {
  const { experiment: id } = useParams({ from: here })
  const { data: experiment } = useSuspenseQuery({ ...experimentOf(id), refetchInterval: idleMs })
  return (
    <Page
      title={experiment.name}
      above={[['Experiments', '/experiments']]}
      badge={experiment.lifecycle === 'deleted' && <Tag state="failed">deleted</Tag>}
      lede={experiment.tags['mlflow.note.content']}
    >
      <Card>
        <Facts
          facts={{
            Project: experiment.project,
            Runs: number(experiment.runs),
            Running: experiment.running > 0 ? number(experiment.running) : undefined,
            'Last run': experiment.lastRunAt !== undefined && <Ago at={experiment.lastRunAt} />,
            Created: experiment.createdAt > 0 && <Ago at={experiment.createdAt} />,
            Files: <code>{experiment.artifactLocation}</code>,
            Id: <Id id={experiment.id} />,
            ...Object.fromEntries(Object.entries(experiment.tags).filter(([key]) => !key.startsWith('mlflow.'))),
          }}
        />
      </Card>
      <Runs experiment={experiment} />
    </Page>
  )
}

function Runs({ experiment }: { experiment: ExperimentDetail }) {
  const { search, say } = useAsked()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const columns = useMemo(
    () => (search.columns === undefined ? firstColumns(experiment) : columnsOf(search.columns)),
    [search.columns, experiment],
  )
  const runs = useInfiniteQuery({
    ...runRowsOf(experiment.id, { ...search, columns: columnsText(columns) }),
    placeholderData: keepPreviousData,
    refetchInterval: experiment.running > 0 ? liveMs : idleMs,
  })
  const rows = useMemo(() => runs.data?.pages.flatMap(({ items }) => items) ?? [], [runs.data])
  return (
    <Card
      title="Runs"
      note={runs.data && countText(runs.data.pages[0]!, rows.length)}
      actions={
        <>
          <ColumnMenu
            known={experiment}
            columns={columns}
            onChange={next => say({ columns: columnsText(next) || noColumn })}
          />
          <ViewSelect />
          <CompareButton runs={[...chosen].slice(0, comparedMax)} onClear={() => setChosen(new Set())} />
        </>
      }
      flush
    >
      <FilterBox
        key={search.filter}
        filter={search.filter}
        onChange={filter => say({ filter })}
        example={exampleOf(experiment)}
      />
      {runs.error && <Failure error={runs.error} />}
      {runs.isPending && <Skeleton lines={8} />}
      {!runs.error && runs.data && rows.length === 0 && <Nothing experiment={experiment} />}
      {rows.length > 0 && (
        <RunGrid
          rows={rows}
          columns={columns}
          order={search.order}
          onOrder={order => say({ order })}
          chosen={chosen}
          onChoose={setChosen}
        />
      )}
      {runs.hasNextPage && <More isFetching={runs.isFetchingNextPage} onMore={() => void runs.fetchNextPage()} />}
    </Card>
  )
}

/** In an address, that no column was left: without any, the first few are shown. */
const noColumn = '-'

/** What the address asks for, and a way to ask for something else. */
function useAsked() {
  const search = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const say = (change: RunsAsked): void =>
    void navigate({ search: given<typeof search>({ ...search, ...change }), replace: true, resetScroll: false })
  return { search, say }
}

function ViewSelect() {
  const { search, say } = useAsked()
  return (
    <select
      className="select"
      aria-label="Which runs"
      value={search.view ?? 'active'}
      onChange={({ currentTarget: { value } }) => say({ view: value === 'active' ? undefined : value })}
    >
      <option value="active">Active</option>
      <option value="deleted">Deleted</option>
      <option value="all">All</option>
    </select>
  )
}

function Nothing({ experiment }: { experiment: ExperimentDetail }) {
  const { search, say } = useAsked()
  const isFiltered = search.filter !== undefined || search.view !== undefined
  if (!isFiltered) return <NoRun experiment={experiment} />
  return <NoMatch onClear={() => say({ filter: undefined, view: undefined })} />
}

const More = ({ isFetching, onMore }: { isFetching: boolean; onMore: () => void }) => (
  <div className="more row">
    <button type="button" className="tag" disabled={isFetching} onClick={onMore}>
      {isFetching ? 'Fetching…' : 'Load more'}
    </button>
  </div>
)

const countText = ({ count, more }: { count: number; more: boolean }, shown: number): string =>
  shown < count || more ? `${number(shown)} of ${more ? 'more than ' : ''}${number(count)}` : plural(count, 'run')

const exampleOf = ({ metrics, params }: ExperimentDetail): string => {
  const [metric] = metrics
  const [param] = params
  if (metric) return `metrics.\`${metric}\` < 0.5 AND status = 'FINISHED'`
  return param ? `params.\`${param}\` = '…'` : "status = 'FINISHED'"
}

const Failure = ({ error }: { error: Error }) => (
  <div className="card-body">
    <Trouble error={error} />
  </div>
)

const NoRun = ({ experiment }: { experiment: ExperimentDetail }) => (
  <Empty
    title="No run yet"
    commands={[`export MLFLOW_TRACKING_URI=${location.origin}`, `export MLFLOW_EXPERIMENT_NAME='${experiment.name}'`]}
  >
    What is logged with these settings appears here.
  </Empty>
)

function CompareButton({ runs, onClear }: { runs: readonly string[]; onClear: () => void }) {
  const navigate = useNavigate()
  const why = runs.length < 2 ? 'Choose at least two runs in the table.' : undefined
  return (
    <>
      {runs.length > 0 && (
        <button type="button" className="tag" onClick={onClear}>
          Clear {runs.length}
        </button>
      )}
      <Button
        size="xs"
        aria-disabled={why !== undefined}
        {...(why === undefined ? {} : { 'data-disabled': true })}
        title={why}
        onClick={() => why === undefined && void navigate({ to: comparePath(runs) as '/' })}
      >
        Compare
      </Button>
    </>
  )
}
