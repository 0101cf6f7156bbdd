import { csvUntil } from '../../src/demo/weather.ts'
import type { World } from '../../src/demo/world.ts'

/** Broken input, and what has to be said about it. */

export interface Sent {
  readonly method?: string
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What is sent, and what has to be said about it: status, code of the problem, and words of its sentence. */
type Case = readonly [what: string, sent: Sent, status: number, code: string, says: readonly string[]]

const json = { 'content-type': 'application/json' }
export const post = (path: string, body: unknown): Sent => ({
  method: 'POST',
  path,
  headers: json,
  body: JSON.stringify(body),
})
export const project = '/api/v1/projects/rain'
const unknown = 'prd_00000000-0000-7000-8000-000000000000'
export const zeros = '0'.repeat(64)
export const mib = 1024 * 1024

export const requests: readonly Case[] = [
  [
    'a body that is not JSON',
    { ...post(`${project}/runs`, {}), body: '{"pipeline":' },
    422,
    'invalid',
    ['The body is not JSON.', 'body', 'JSON, as its content-type says'],
  ],
  [
    'a body of another kind',
    { ...post(`${project}/runs`, {}), headers: { 'content-type': 'text/xml' } },
    415,
    'unsupported',
    ['Unsupported Media Type'],
  ],
  [
    'a number for a text',
    post(`${project}/runs`, { pipeline: 7 }),
    422,
    'invalid',
    ['body.pipeline = 7', 'Lower-case letters, digits and dashes'],
  ],
  ['a missing field', post(`${project}/runs`, {}), 422, 'invalid', ['body.pipeline: is required']],
  [
    'an unknown pipeline',
    post(`${project}/runs`, { pipeline: 'trainng' }),
    404,
    'not_found',
    ['pipeline rain/trainng'],
  ],
  [
    'the conversion of a version that there is not',
    { path: `/api/v1/model-versions/mdv_${unknown.slice(4)}/conversion` },
    404,
    'not_found',
    ['There is no conversion of'],
  ],
  [
    'graphs of a project that there is not',
    { path: '/api/v1/projects/snow/graphs' },
    404,
    'not_found',
    ['project snow'],
  ],
  [
    'an unknown parameter',
    post(`${project}/runs`, { pipeline: 'training', params: { d: 1 } }),
    422,
    'invalid',
    ['params.d = 1', 'a parameter that a task declares: c'],
  ],
  [
    'a body that is too large',
    { ...post(`${project}/plan`, {}), headers: { ...json, 'content-length': String(17 * mib) } },
    413,
    'too_large',
    ['too large'],
  ],
  ['an unknown route', { path: '/api/v1/nothing' }, 404, 'not_found', ['/api/v1/nothing']],
  ['an unknown method', { method: 'PATCH', path: '/api/v1/projects' }, 404, 'not_found', ['PATCH /api/v1/projects']],
  [
    'a limit of zero',
    { path: `${project}/runs?limit=0` },
    422,
    'invalid',
    ['query.limit = 0', 'a whole number, 1 or more, 500 or less'],
  ],
  [
    'a text for a limit',
    { path: `${project}/runs?limit=many` },
    422,
    'invalid',
    ['query.limit = "many"', 'a whole number, 1 or more'],
  ],
  [
    'an unknown state',
    { path: `${project}/runs?state=done` },
    422,
    'invalid',
    ['query.state = "done"', 'queued, running, succeeded'],
  ],
  [
    'bytes of another digest',
    { method: 'PUT', path: `/api/v1/blobs/${zeros}`, body: 'abc' },
    422,
    'invalid',
    [zeros, 'ba7816bf'],
  ],
  [
    'an unknown source',
    { method: 'PUT', path: `${project}/sources/wether/data`, body: 'a,b' },
    404,
    'not_found',
    ['source rain/wether'],
  ],
  [
    'an empty file',
    { method: 'PUT', path: `${project}/sources/weather/data`, body: '' },
    422,
    'invalid',
    ['weather was sent no data'],
  ],
  [
    'a file without a declared column',
    {
      method: 'PUT',
      path: `${project}/sources/weather/data`,
      body: 'location,date,precipitation,temp_max,temp_min,wind\nSeattle,2014-01-01,0,1,1,1\n',
    },
    422,
    'data_broken',
    ['columns location, date', 'a column weather'],
  ],
  [
    'a text for the truth',
    post('/api/v1/deployments/rain/truth', { items: [{ prediction: unknown, value: 'yes' }] }),
    422,
    'invalid',
    ['body.items.0.value = "yes"', 'a number'],
  ],
  [
    'a truth that is neither 0 nor 1',
    post('/api/v1/deployments/rain/truth', { items: [{ prediction: unknown, value: 7 }] }),
    422,
    'invalid',
    ['7', '0 or 1'],
  ],
  [
    'shares of an unknown revision',
    post('/api/v1/deployments/rain/traffic', { weights: { rev_x: 100 }, reason: 'x' }),
    422,
    'invalid',
    ['weights.rev_x', 'a revision of this deployment'],
  ],
  [
    'a way back to nothing',
    post('/api/v1/deployments/rain/rollback', { reason: 'x' }),
    409,
    'conflict',
    ['no earlier revision'],
  ],
  [
    'a package of no kind that there is',
    { path: '/api/v1/deployments/rain/package?as=exe' },
    422,
    'invalid',
    ['query.as = "exe"', 'npm', 'wheel'],
  ],
  [
    'a package of a revision that is not there',
    { path: '/api/v1/deployments/rain/package?as=npm&revision=99' },
    404,
    'not_found',
    ['revision rain/99'],
  ],
  [
    'a client in a language that there is none in',
    { path: '/api/v1/deployments/rain/client?language=cobol' },
    422,
    'invalid',
    ['query.language = "cobol"', 'typescript', 'python'],
  ],
  ['queues of an unknown deployment', { path: '/api/v1/deployments/snow/queues' }, 404, 'not_found', ['snow']],
  [
    'an unknown service',
    post(`${project}/features:read`, { service: 'snow', keys: ['Seattle'] }),
    404,
    'not_found',
    ['snow'],
  ],
]

/** Slips in a project file: what is replaced in the one that is declared, and the words of the answer. */
export const slips: readonly (readonly [what: string, find: string, slip: string, says: readonly string[]])[] = [
  ['an unknown field', '"pipelines":', '"piplines":', ['piplines: no such field; did you mean pipelines?']],
  [
    'an unknown field inside',
    '"eventTime":',
    '"eventTme":',
    ['sources.weather.eventTme: no such field; did you mean eventTime?'],
  ],
  ['an unknown task', '"split.train"', '"splt.train"', ['tasks.train.inputs.train = "splt"', 'did you mean split?']],
  ['an unknown metric', '"metric":"brier","threshold"', '"metric":"brierr","threshold"', ['brierr', 'brier']],
  ['a text for a number', '"testDays":90', '"testDays":"ninety"', ['testDays', 'ninety']],
]

/** What the model server says of bodies that it cannot answer. */
const tensor = { name: 'wind', shape: [1, 1], datatype: 'FP32', data: [1] }
const about = (over: object): string =>
  JSON.stringify({ inputs: [{ ...tensor, ...over }], parameters: { entity: 'Seattle' } })
export const inferences: readonly (readonly [what: string, body: string, says: readonly string[]])[] = [
  [
    'a wrong tensor shape',
    about({ shape: [1, 7] }),
    ['Input wind: shape [1,7]', 'expected FP32 with shape [N,1] or [N]'],
  ],
  ['too few elements', about({ shape: [2, 1] }), ['Input wind: 1 elements', 'shape [2,1] expects 2']],
  ['a null', about({ data: [null] }), ['Input wind, row 1: null', 'a finite number']],
  ['a NaN', about({}).replace('[1]}', '[NaN]}'), ['Input wind, row 1: NaN is not a finite number']],
  ['a text in a number', about({ data: ['strong'] }), ['Input wind, row 1: "strong"', 'a finite number']],
  ['another datatype', about({ datatype: 'BYTES' }), ['Input wind: datatype "BYTES"', 'expected FP32']],
  ['an unknown input', about({ name: 'wnd' }), ['Input "wnd" is unknown', 'precipitation']],
  ['an unknown entity', JSON.stringify({ parameters: { entity: 'Atlantis' } }), ['city "Atlantis": there is no row']],
  ['no input at all', '{"inputs":[]}', ['nothing to predict', 'parameters.entity']],
  ['no object', '[]', ['must be an object']],
  ['no JSON', 'rain?', ['not JSON']],
]

/** Ways out of a folder. The answers may differ; no file from outside may be in them. */
export const ways = [
  '/../../package.json',
  '/%2e%2e/%2e%2e/package.json',
  '/assets/..%2f..%2f..%2fpackage.json',
  '/assets/..%5c..%5c..%5cpackage.json',
  '//etc/passwd',
  '/errors/..%2f..%2fsecret.txt',
  '/api/v1/blobs/..%2f..%2fsecret.txt',
  '/git/..%2fsecret.txt',
  '/git/../secret.txt',
  '/git/rain.git/../../secret.txt',
  '/git/rain.git/objects/..%2f..%2f..%2fsecret.txt',
]

/** Files that can only be judged once they are read. */
export function files({ weather }: World): readonly (readonly [what: string, csv: string, says: readonly string[]])[] {
  const lines = csvUntil(weather, '2013-12-31', ['Seattle']).trimEnd().split('\n')
  const withCell = (cell: string) => lines.with(5, lines[5]!.split(',').with(2, cell).join(',')).join('\n')
  return [
    ['a header only', `${lines[0]}\n`, ['no rows', 'at least one row']],
    ['a text in a number', withCell('wet'), ['precipitation: "wet" in row 5', 'a finite number']],
    ['a NaN', withCell('NaN'), ['precipitation: "NaN" in row 5', 'a finite number']],
    ['a cell too many', lines.with(5, `${lines[5]},7`).join('\n'), ['row 5', 'Expected Number of Columns: 7']],
    [
      'a duplicate key',
      [...lines, lines[100]!].join('\n'),
      ['location, date: Seattle, 2012-04-09 in rows 100 and 732', 'each key once'],
    ],
  ]
}
