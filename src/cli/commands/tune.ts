import type { Client } from '../client.ts'
import { group, verb } from '../command.ts'
import { ago, table } from '../output.ts'
import { chosenProject, projectOption } from '../project-option.ts'

interface Study {
  readonly name: string
  readonly metric: string
  readonly state: string
  readonly criterion?: string
  readonly budget: { readonly trials: number }
  readonly trials: {
    readonly running: number
    readonly complete: number
    readonly pruned: number
    readonly failed: number
  }
  readonly best?: { readonly number: number; readonly value: number; readonly params: object }
  readonly createdAt: number
}

interface Trial {
  readonly number: number
  readonly state: string
  readonly value?: number
  readonly params: object
}

const studiesOf = async (client: Client, project: string | undefined): Promise<string> =>
  `/api/v1/projects/${await chosenProject(client, project)}/studies`

const stateOf = ({ state, criterion }: Study): string => (criterion === undefined ? state : `${state} (${criterion})`)

const countOf = ({ trials, budget }: Study): string =>
  `${trials.complete + trials.pruned + trials.failed} of ${budget.trials}`

const listVerb = verb(
  'list',
  'Searches for hyperparameters, newest first.',
  projectOption,
  async ({ client, output }, { project }) => {
    const { items } = await client.get<{ items: Study[] }>(`${await studiesOf(client, project)}?limit=100`)
    output.result(items, () =>
      items.length === 0
        ? ['There is no study yet.']
        : table(
            ['STUDY', 'STATE', 'TRIALS', 'METRIC', 'BEST', 'BEGUN'],
            items.map(study => [
              study.name,
              stateOf(study),
              countOf(study),
              study.metric,
              study.best ? String(study.best.value) : '-',
              ago(study.createdAt, Date.now()),
            ]),
          ),
    )
  },
)

const showVerb = verb(
  'show <study>',
  'A study and its newest trials.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    const path = `${await studiesOf(client, project)}/${encodeURIComponent(name!)}`
    const study = await client.get<Study>(path)
    const trials = await allTrials(client, path)
    output.result({ study, trials }, () => [
      `${study.name}: ${stateOf(study)}, ${countOf(study)} trials, ${study.trials.pruned} stopped early, ${study.trials.failed} failed.`,
      ...(study.best ? [`Best ${study.metric}: ${study.best.value} by trial ${study.best.number}.`] : []),
      '',
      ...table(
        ['TRIAL', 'STATE', study.metric.toUpperCase(), 'PARAMETERS'],
        trials
          .slice(-shownMax)
          .toReversed()
          .map(trial => [
            String(trial.number),
            trial.state,
            trial.value === undefined ? '-' : String(trial.value),
            paramsText(trial.params),
          ]),
      ),
    ])
  },
)

const shownMax = 20

async function allTrials(client: Client, path: string): Promise<readonly Trial[]> {
  const trials: Trial[] = []
  let after = ''
  do {
    const page = await client.get<{ items: Trial[]; next?: string }>(`${path}/trials?limit=1000${after}`)
    trials.push(...page.items)
    after = page.next === undefined ? '' : `&after=${page.next}`
  } while (after !== '')
  return trials
}

const paramsText = (params: object): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

const bestVerb = verb(
  'best <study>',
  'The parameters of the best trial.',
  projectOption,
  async ({ client, output }, { project }, [name]) => {
    const { best, metric } = await client.get<Study>(`${await studiesOf(client, project)}/${encodeURIComponent(name!)}`)
    output.result(best ?? null, () =>
      best
        ? [
            ...Object.entries(best.params).map(([param, value]) => `${param} = ${value}`),
            `${metric}: ${best.value}, trial ${best.number}`,
          ]
        : ['No trial is complete yet.'],
    )
  },
)

export const tuneVerb = group('tune', 'Searches for hyperparameters.', [listVerb, showVerb, bestVerb])
