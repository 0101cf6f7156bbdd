import { defineProject } from 'trainyard'

/** Inverse strength of the penalty, as in scikit-learn. Found by experiments: see experiments.md once there are some. */
const strength = 1

/** From raw data to a model that has been judged on rows which it has not seen. */
const judged = {
  ingest: { uses: 'data.ingest', params: { source: 'weather' } },
  validate: { uses: 'data.validate', inputs: { dataset: 'ingest.dataset' } },
  features: { uses: 'features.compute', inputs: { dataset: 'validate.dataset' }, params: { view: 'weather' } },
  'training-set': {
    uses: 'features.training-set',
    inputs: { features: 'features.features', dataset: 'validate.dataset' },
    params: { service: 'rain', label: 'rain-tomorrow' },
  },
  // The last 90 days are for the test: a season that the model has not seen.
  split: { uses: 'features.split', inputs: { rows: 'training-set.rows' }, params: { testDays: 90 } },
  train: {
    function: 'tasks/train.ts#train',
    inputs: { train: 'split.train' },
    outputs: ['model'],
    params: { c: strength },
    environment: { node: 'package-lock.json' },
    timeout: '10m',
  },
  evaluate: {
    uses: 'registry.evaluate',
    inputs: { model: 'train.model', test: 'split.test' },
    params: { model: 'rain' },
  },
} as const

/**
 * Will it rain tomorrow? From a CSV file of daily weather to a monitored service which retrains itself.
 * The numbers in brackets are the steps of the paper's figure 4 (Kreuzberger, Kühl and Hirschl, 2022).
 */
export default defineProject({
  name: 'rain',

  // (1) to (4): what the business wants, and what follows from it.
  objective: {
    goal: 'People in our cities leave home with the right things for the weather.',
    kpi: 'Share of wet days on which the customers had been told to take an umbrella.',
    task: 'binary_classification',
    target: 'rain tomorrow',
    metric: 'brier',
    // Always saying "one half" scores 0.25: a model that is not better than that knows nothing.
    threshold: 0.25,
    owners: { business: 'product', data: 'data-engineering', model: 'data-science', operations: 'platform' },
    decisions: [
      {
        title: 'One model for all cities',
        decision: 'The city is no feature; one model is trained on the rows of every city.',
        because:
          'A new city is served from its first evening on. Drift and performance are watched, so we learn when not.',
      },
      {
        title: 'Brier score rather than accuracy',
        decision: 'Probabilities are judged, not yes or no.',
        because: 'Customers weigh the risk themselves: 51 % and 99 % are different advice.',
      },
      {
        title: 'Logistic regression',
        decision: 'A linear model on engineered features, served as ONNX.',
        because: 'It trains in a fraction of a second, is the same at every run, and its weights can be read.',
      },
    ],
    dataRequirements: [
      {
        need: 'Rain, temperature and wind of each city and day, at least two years, late by a day at most',
        source: 'weather',
      },
    ],
  },

  // (5) The raw data: a CSV file that its owner uploads, longer by a row for each city and day.
  sources: {
    weather: {
      type: 'csv',
      key: ['location', 'date'],
      eventTime: 'date',
      columns: {
        location: 'string',
        date: 'date',
        precipitation: 'number',
        temp_max: 'number',
        temp_min: 'number',
        wind: 'number',
        weather: 'string',
      },
      owner: 'data-engineering',
    },
  },

  // (6), (7): the rules are SQL, and the same rules feed training and serving.
  entities: { city: { key: 'city' } },
  features: {
    weather: {
      entity: 'city',
      source: 'weather',
      transform: 'features/transform.sql',
      engineer: 'features/engineer.sql',
      maxAge: '3d',
      owner: 'data-science',
    },
  },
  labels: { 'rain-tomorrow': { source: 'weather', sql: 'labels/rain-tomorrow.sql' } },
  services: { rain: { features: ['weather'] } },

  pipelines: {
    refresh: {
      description: 'New weather has arrived: bring the feature store up to date.',
      triggers: [{ on: 'data', source: 'weather' }],
      tasks: {
        ingest: { uses: 'data.ingest', params: { source: 'weather' } },
        validate: { uses: 'data.validate', inputs: { dataset: 'ingest.dataset' } },
        features: { uses: 'features.compute', inputs: { dataset: 'validate.dataset' }, params: { view: 'weather' } },
        online: { uses: 'features.materialise', inputs: { features: 'features.features' } },
      },
    },

    experiment: {
      description: 'Model engineering: the same rows and the same test, another strength, and nothing is registered.',
      tasks: judged,
    },

    training: {
      description: 'Train, evaluate and register a model: each month, and whenever monitoring asks for it.',
      triggers: [{ on: 'schedule', cron: '0 3 1 * *' }],
      tasks: {
        ...judged,
        register: {
          uses: 'registry.register',
          inputs: { model: 'train.model', evaluation: 'evaluate.evaluation' },
          params: { model: 'rain' },
        },
      },
    },
  },

  models: {
    rain: {
      pipeline: 'training',
      service: 'rain',
      label: 'rain-tomorrow',
      serving: 'serving/answer.ts',
      gate: { metric: 'brier', threshold: 0.25, notWorseThanChampion: true },
      promotion: 'automatic',
    },
  },

  // A tenth of the requests at first: two cities ask once a day, so that six answers of the canary take a month.
  deployments: { rain: { model: 'rain', canary: { steps: [10], dwell: '0s', requestsMin: 6 } } },

  tests: 'node --test',
})
