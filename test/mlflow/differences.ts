/** What the client sees otherwise from ours than from MLflow's own server, and why that is meant. */
export interface Difference {
  readonly flow: string
  /** What is seen from ours at each step. Another value is a failure, declared or not. */
  readonly ours: Readonly<Record<string, unknown>>
  readonly reason: string
}

/** A name as it is seen, without what tells clients apart. */
const named = (name: string): string => `<flow>-${name}`
const refused = { code: 'INVALID_PARAMETER_VALUE', raises: 'RestException' }
const unknown = { code: 'RESOURCE_DOES_NOT_EXIST', raises: 'RestException' }
const taken = { code: 'RESOURCE_ALREADY_EXISTS', raises: 'RestException' }

const extension = 'OR, parentheses and one prefix for every search are extensions of the search language.'
const unfinished = 'MLflow drops what it cannot read beside a condition: an unfinished filter finds too much.'
const fault = 'A mistake of the client is not a fault of the server: MLflow answers 500.'

/** What is tried on a thing that may not be read. */
const hidden = [
  'reads',
  'reads the run',
  'logs',
  'downloads',
  'tags the experiment',
  'deletes the experiment',
  'reads the model',
  'describes the model',
]

export const differences: readonly Difference[] = [
  {
    flow: 'experiments',
    ours: {
      "filter attributes.name != '{p}s2' AND name LIKE '{p}s%'": ['s0', 's1', 's3', 's4', 'süß'].map(named),
      "filter name LIKE '{p}s%' OR name = 'a'": ['s0', 's1', 's2', 's3', 's4', 'süß'].map(named),
      "filter (name LIKE '{p}s%')": ['s0', 's1', 's2', 's3', 's4', 'süß'].map(named),
    },
    reason: extension,
  },
  {
    flow: 'experiments',
    ours: { "filter name LIKE '{p}s%' AND": refused, 'filter AND': refused },
    reason: unfinished,
  },
  {
    flow: 'experiments',
    ours: { "filter name = 'it''s'": refused },
    reason: 'A quote inside a text is written in the other quotes: MLflow looks for both halves, and finds nothing.',
  },
  {
    flow: 'experiments',
    ours: { 'renamed to taken': taken },
    reason: 'The name is taken, as when one is created; MLflow shows the SQL statement that failed.',
  },
  { flow: 'experiments', ours: { 'rename deleted': refused }, reason: fault },
  {
    flow: 'run_search',
    ours: {
      "filter metrics.acc > 0.5 OR params.lr = '0.1'": ['Delta', 'alpha', 'zeta'],
      'filter (metrics.acc > 0.5)': ['Delta', 'alpha', 'zeta'],
      "order ['attributes.`Run Name`']": ['Delta', 'alpha', 'beta', 'epsilon', 'gamma', 'größe', 'zeta'],
    },
    reason: extension,
  },
  {
    flow: 'run_search',
    ours: {
      'filter metrics.acc > 0.5 AND': refused,
      'filter AND metrics.acc > 0.5': refused,
      'filter metrics.acc > 0.5 metrics.loss > 1': refused,
      'filter metrics. acc > 0.5': refused,
    },
    reason: unfinished,
  },
  {
    flow: 'run_search',
    ours: { "filter params.net = 'it''s'": refused },
    reason: 'A quote inside a text is written in the other quotes: MLflow looks for both halves, and finds nothing.',
  },
  {
    flow: 'run_search',
    ours: { "order ['params.lr', 'params.lr']": ['epsilon', 'beta', 'alpha', 'zeta', 'gamma', 'Delta', 'größe'] },
    reason: `The second mention says nothing new. ${fault}`,
  },
  {
    flow: 'models',
    ours: { "filter colour = 'x'": refused, "filter metrics.f1 = 'x'": refused },
    reason: fault,
  },
  {
    flow: 'models',
    ours: { 'params again': refused },
    reason: 'As for params of runs; MLflow shows the SQL statement that failed.',
  },
  {
    flow: 'models',
    ours: { 'filter name = "external"': ['external'] },
    reason: 'A text may be in either quotes in every search; MLflow finds nothing here, without a word.',
  },
  {
    flow: 'models',
    ours: { "filter name = 'external' OR name = 'other'": ['external', 'other'] },
    reason: extension,
  },
  {
    flow: 'registry',
    ours: { "name 'nnnnnnnnnn' of 257": refused },
    reason: "MLflow's own databases hold 256 characters; on SQLite it does not look.",
  },
  {
    flow: 'registry',
    ours: { "models name LIKE '{p}m%' OR name = 'x'": ['m0', 'm1', 'm2', 'm3'].map(named) },
    reason: extension,
  },
  { flow: 'registry', ours: { "models by ['name', 'name']": refused }, reason: fault },
  {
    flow: 'traces',
    ours: { "filter timestamp_ms = 'x'": refused },
    reason: 'A text is no number; MLflow finds nothing, without a word.',
  },
  {
    flow: 'traces',
    ours: {
      "filter tags.shade = 'a' OR status = 'OK'": ['chain', 'in a run', 'long'],
      "filter name IN ('chain', 'fails')": ['chain', 'fails'],
      "filter name NOT IN ('chain')": ['fails', 'in a run', 'long'],
    },
    reason: extension,
  },
  {
    flow: 'traces',
    ours: { 'tag of nothing': unknown, 'linked to nothing': unknown },
    reason: 'What is not there is said to be missing; MLflow shows the SQL statement that failed, or links to nothing.',
  },
  {
    flow: 'traces',
    ours: { "filter feedback.value = '3'": ['chain'] },
    reason: 'The value 3 was given. MLflow keeps it as 3.0, which its own text does not equal.',
  },
  {
    flow: 'traces',
    ours: { 'length of the longer': 8000 },
    reason: 'A value is cut where those of runs are; MLflow keeps 4,096 characters.',
  },
  {
    flow: 'permissions',
    ours: Object.fromEntries(
      [
        // The client of 3.6, which alone knows the other level, sees the same in both.
        'uploads with None',
        ...['None', 'NO_PERMISSIONS'].flatMap(level => hidden.map(what => `${what} with ${level}`)),
      ].map(step => [step, { code: 'RESOURCE_DOES_NOT_EXIST' }]),
    ),
    reason: 'Of what they may not read nobody is told that it is there.',
  },
  {
    flow: 'permissions',
    ours: { 'no name': { code: 'INVALID_PARAMETER_VALUE' } },
    reason: 'A value is wrong, and it is said which; MLflow answers with a text alone.',
  },
]
