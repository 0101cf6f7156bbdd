import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { importanceOf, reportsOf, studyOf, trialsOf } from '../api-tuning.ts'
import { inline, number, plural } from '../format.ts'
import { pathOf } from '../paths.ts'
import { axesOf, brushed, brushesOf, brushesText, rangeOf, recordsOf } from '../study.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Card, Facts, Skeleton } from '../ui/card.tsx'
import { Bars } from '../ui/charts/bars.tsx'
import { LazyMetricPlot } from '../ui/charts/index.tsx'
import { colourOf } from '../ui/charts/metric-lines.ts'
import { Parallel } from '../ui/charts/parallel.tsx'
import { StudyHistory } from '../ui/charts/study-history.tsx'
import { Empty } from '../ui/empty.tsx'
import { State } from '../ui/state.tsx'
import { NoMatch } from '../ui/table.tsx'
import { Ago, Took } from '../ui/time.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { Study, Trial } from '../wire.ts'
import { endedOf, stateOf } from './studies-page.tsx'
import { TrialGrid } from './trial-grid.tsx'

const here = '/p/$project/tuning/$study'
const liveMs = 3_000

/** What has this search found, and what decides? */
export function StudyPage() {
  const { project, study: name } = useParams({ from: here })
  const { data: study } = useSuspenseQuery({
    ...studyOf(project, name),
    refetchInterval: ({ state }) => state.data?.state === 'running' && liveMs,
  })
  const isLive = study.state === 'running'
  const trials = useQuery({ ...trialsOf(project, name), refetchInterval: isLive && liveMs })
  return (
    <Page
      title={study.name}
      above={[
        [project, `/p/${project}`],
        ['Tuning', `/p/${project}/tuning`],
      ]}
      badge={<State state={stateOf(study)} />}
    >
      <Summary study={study} />
      {trials.error && <Trouble error={trials.error} />}
      {!trials.data && !trials.error && <Skeleton lines={8} />}
      {trials.data?.length === 0 && <NoTrial study={study} />}
      {trials.data && trials.data.length > 0 && <Results study={study} trials={trials.data} />}
    </Page>
  )
}

const criteria: Readonly<Record<string, string>> = {
  trials: 'all trials have ended',
  time: 'its time is over',
  patience: 'no trial was better for long',
  space: 'the grid is finished',
  cancelled: 'it was cancelled',
}

const Summary = ({ study }: { study: Study }) => (
  <Card>
    <Facts
      facts={{
        Best: study.best && `${number(study.best.value)} by trial ${study.best.number}`,
        Metric: `${study.direction} ${study.metric}`,
        Trials: `${endedOf(study)} of ${study.budget.trials}`,
        Running: study.trials.running > 0 && number(study.trials.running),
        'Stopped early': study.trials.pruned > 0 && number(study.trials.pruned),
        Failed: study.trials.failed > 0 && number(study.trials.failed),
        'Ended because': study.criterion && criteria[study.criterion],
        Sampler: inline(study.sampler['type']),
        'Stopping rule': inline(study.pruner['type']),
        Seed: String(study.seed),
        Run: study.run && <To to={pathOf(study.run, study.project)}>its pipeline run</To>,
        By: study.actor,
        Begun: <Ago at={study.createdAt} />,
        Took: study.endedAt !== undefined && <Took from={study.createdAt} to={study.endedAt} />,
        ...(study.best && Object.fromEntries(Object.entries(study.best.params).map(([k, v]) => [k, inline(v)]))),
      }}
    />
  </Card>
)

const NoTrial = ({ study }: { study: Study }) => (
  <Card>
    <Empty
      title="No trial yet"
      commands={[
        `curl -X POST ${location.origin}/api/v1/projects/${study.project}/studies/${study.name}/trials -H 'content-type: application/json' -d '{}'`,
      ]}
    >
      Whoever asks for a trial is given parameters to try.
    </Empty>
  </Card>
)

/** What the address chooses, and a way to choose something else. */
function useChoice() {
  const search = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const choose = (change: { brush?: string | undefined; order?: string | undefined }): void => {
    const next = Object.entries({ ...search, ...change }).filter(([, value]) => value !== undefined)
    void navigate({ search: Object.fromEntries(next), replace: true, resetScroll: false })
  }
  return { search, choose }
}

/** So many lines are drawn; the newest, and the best among all. */
const linesMax = 400

function Results({ study, trials }: { study: Study; trials: readonly Trial[] }) {
  const { search, choose } = useChoice()
  const axes = useMemo(() => axesOf(study, trials, number), [study, trials])
  const brushes = useMemo(() => brushesOf(search.brush), [search.brush])
  const chosen = useMemo(() => brushed(trials, axes, brushes), [trials, axes, brushes])
  const measured = trials.flatMap(({ number: at, state, value }) =>
    value === undefined ? [] : [{ number: at, state, value }],
  )
  const brush = (name: string, part: readonly [number, number] | undefined): void => {
    const next = new Map(brushes)
    if (part) next.set(name, part)
    else next.delete(name)
    choose({ brush: brushesText(next) })
  }
  const clear = (): void => choose({ brush: undefined })
  return (
    <>
      <div className="split-wide">
        <Card title="History" note="each point a trial, the line the best so far">
          {measured.length > 0 ? (
            <StudyHistory
              label={`${study.metric} by trial`}
              points={measured}
              records={recordsOf(study, trials)}
              range={rangeOf(
                study,
                measured.map(({ value }) => value),
              )}
            />
          ) : (
            <p className="muted small">No trial has given a value yet.</p>
          )}
        </Card>
        <Importance study={study} />
      </div>
      <Card
        title="Parameters"
        note={
          brushes.size > 0 ? `${chosen.length} of ${plural(trials.length, 'trial')}` : 'drag along an axis to choose'
        }
        actions={
          brushes.size > 0 && (
            <button type="button" className="tag" onClick={clear}>
              Clear
            </button>
          )
        }
      >
        <Parallel
          label="Trials by parameter"
          axes={axes}
          lines={linesOf(study, trials, axes, new Set(chosen))}
          brushes={brushes}
          onBrush={brush}
        />
      </Card>
      <Intermediate study={study} />
      <Card title="Trials" note={plural(chosen.length, 'trial')} flush>
        {chosen.length === 0 ? (
          <NoMatch onClear={clear} />
        ) : (
          <TrialGrid study={study} trials={chosen} order={search.order} onOrder={order => choose({ order })} />
        )}
      </Card>
    </>
  )
}

// oxlint-disable-next-line max-params -- what is drawn, by what, and how
function linesOf(study: Study, trials: readonly Trial[], axes: ReturnType<typeof axesOf>, chosen: ReadonlySet<Trial>) {
  const worth = ({ state, value }: Trial): number =>
    state !== 'complete' || value === undefined
      ? Number.POSITIVE_INFINITY
      : study.direction === 'minimise'
        ? value
        : -value
  const best = new Set(trials.toSorted((a, b) => worth(a) - worth(b)).slice(0, Math.max(1, trials.length / 10)))
  return trials
    .filter((trial, index) => trial.value !== undefined && (best.has(trial) || index >= trials.length - linesMax))
    .map(trial => ({
      id: String(trial.number),
      label: `Trial ${trial.number}: ${number(trial.value!)}`,
      at: axes.map(axis => axis.at(trial)),
      isBest: best.has(trial),
      isChosen: chosen.has(trial),
    }))
}

function Importance({ study }: { study: Study }) {
  const { data, error } = useQuery(importanceOf(study.project, study.name, endedOf(study)))
  return (
    <Card title="Importance" note="share of the differences">
      {error && <Trouble error={error} />}
      {!data && !error && <Skeleton lines={3} />}
      {data?.importance && <Bars label="Importance of each parameter" values={data.importance} />}
      {data && !data.importance && (
        <p className="muted small">It is known when {data.trialsMin} trials are complete.</p>
      )}
    </Card>
  )
}

function Intermediate({ study }: { study: Study }) {
  const { data } = useQuery({
    ...reportsOf(study.project, study.name),
    refetchInterval: study.state === 'running' && liveMs,
  })
  const lines = useMemo(() => {
    const byTrial = Map.groupBy(data?.items ?? [], ({ trial }) => trial)
    return [...byTrial].map(([trial, reports]) => {
      const values = reports.map(({ value }) => value)
      return {
        id: String(trial),
        label: `trial ${trial}`,
        color: colourOf(trial),
        at: reports.map(({ step }) => step),
        last: values,
        low: values,
        high: values,
      }
    })
  }, [data])
  if (lines.length === 0) return null
  return (
    <Card
      title="While they ran"
      note={`${study.metric} of the newest ${plural(lines.length, 'trial')} that reported it`}
    >
      <LazyMetricPlot label={`${study.metric} by step`} lines={lines} along="step" height={240} />
    </Card>
  )
}
