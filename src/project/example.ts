import type { ProjectFileInput } from './project-file.ts'

/** A small whole project for the tests of this component. */
export const rain = (): ProjectFileInput => ({
  name: 'rain',
  objective: {
    goal: 'Tell whether it rains tomorrow.',
    kpi: 'Umbrellas sold',
    task: 'binary_classification',
    target: 'rain tomorrow',
    metric: 'brier',
    threshold: 0.2,
    owners: {},
  },
  sources: { weather: { type: 'csv', path: 'weather.csv' } },
  entities: { city: { key: 'city' } },
  features: {
    daily: {
      entity: 'city',
      source: 'weather',
      transform: 'features/transform.sql',
      engineer: 'features/engineer.sql',
    },
  },
  labels: { rain: { source: 'weather', sql: 'labels/rain.sql' } },
  services: { rain: { features: ['daily'] } },
  pipelines: {
    training: {
      triggers: [{ on: 'schedule', cron: '0 6 * * *' }],
      tasks: {
        ingest: { uses: 'data.ingest', params: { source: 'weather' } },
        features: { uses: 'features.compute', params: { view: 'daily' }, inputs: { dataset: 'ingest.dataset' } },
        rows: {
          uses: 'features.training-set',
          params: { service: 'rain', label: 'rain' },
          inputs: { features: 'features.features', dataset: 'ingest.dataset' },
        },
        split: { uses: 'features.split', params: { testDays: 90 }, inputs: { rows: 'rows.rows' } },
        train: { run: 'node train.ts', inputs: { train: 'split.train' }, outputs: ['model'] },
        evaluate: {
          uses: 'registry.evaluate',
          params: { model: 'rain' },
          inputs: { model: 'train.model', test: 'split.test' },
        },
      },
    },
  },
  models: { rain: { pipeline: 'training', service: 'rain', label: 'rain', gate: { metric: 'brier', threshold: 0.2 } } },
  deployments: { rain: { model: 'rain' } },
})
