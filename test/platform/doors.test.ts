import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { refresh } from '../../src/demo/chapters/data.ts'
import { platform, type Run } from '../../src/demo/platform.ts'
import { until, type World } from '../../src/demo/world.ts'
import { files, inferences, mib, post, project, requests, slips, ways, zeros, type Sent } from './door-cases.ts'
import { goLive, openStage } from '../testing.ts'

/** Broken input at each door of one live platform: a clear answer, and nothing has changed. */

interface Answer {
  readonly status: number
  readonly text: string
}

test('broken input at every door', { timeout: 400_000 }, async t => {
  const { world, data } = await openStage(t)
  await goLive(world)
  await world.client.get(`${project}/repository`)
  const spec = await declareTextModel(world)
  const url = new URL((await platform(world).deployment('rain')).url)
  const refused = (what: string, ask: () => Promise<void>) =>
    t.test(what, async () => {
      const before = await everything(world)
      await ask()
      assert.deepEqual(await everything(world), before)
    })
  await settled(world)

  for (const [what, sent, status, code, says] of requests)
    await refused(`${what} answers ${status}`, async () =>
      expectProblem(await send(world.client.server, sent), { status, code, says }),
    )

  for (const [what, find, slip, says] of slips)
    await refused(`a project file with ${what} is refused`, async () => {
      const text = JSON.stringify(spec)
      assert.ok(text.includes(find), find)
      const sent = {
        ...post(project, {}),
        method: 'PUT',
        body: JSON.stringify({ spec: JSON.parse(text.replace(find, slip)) }),
      }
      expectProblem(await send(world.client.server, sent), { status: 422, code: 'invalid', says })
    })

  for (const [what, body, says] of inferences)
    await refused(`an inference with ${what} answers 400`, async () => {
      const answer = await send(url.origin, { method: 'POST', path: `${url.pathname}/infer`, body })
      assert.deepEqual(
        { status: answer.status, unsaid: unsaid((JSON.parse(answer.text) as { error: string }).error, says) },
        { status: 400, unsaid: [] },
      )
    })

  await refused('an inference that is too large answers 413, of an unknown deployment or revision 404', async () => {
    const infer = (path: string, headers = {}) => send(url.origin, { method: 'POST', path, headers, body: '{}' })
    const answers = [
      await infer(`${url.pathname}/infer`, { 'content-length': String(65 * mib) }),
      await infer('/v2/models/snow/infer'),
      await infer(`${url.pathname}/versions/9/infer`),
      await send(url.origin, { path: `${url.pathname}/infer` }),
    ]
    assert.deepEqual(
      answers.map(({ status, text }) => `${status} ${(JSON.parse(text) as { error: string }).error}`),
      [
        '413 The body is larger than 67108864 bytes.',
        '404 There is no deployment "snow".',
        '404 Deployment rain has no revision "9"; it has 1, @live, @stable.',
        '405 An inference is asked for with POST.',
      ],
    )
  })

  await refused('every GET of an unknown thing answers 404, and of an impossible name 404 or 422', async () => {
    const paths = await pathsWithNames(world)
    const wrong: string[] = []
    for (const { missing, impossible } of paths) {
      const [one, two] = [
        await send(world.client.server, { path: missing }),
        await send(world.client.server, { path: impossible }),
      ]
      if (
        one.status !== 404 ||
        !one.text.includes('/errors/not_found') ||
        !/There is no |not found|No Experiment/.test(one.text)
      )
        wrong.push(`${missing} ${one.status}`)
      if (two.status !== 404 && two.status !== 422) wrong.push(`${impossible} ${two.status}`)
    }
    assert.deepEqual({ wrong, many: paths.length > 25 }, { wrong: [], many: true })
  })

  await refused('no way leads out of the folders that are served', async () => {
    await writeFile(join(data, 'secret.txt'), 'TOP SECRET')
    const leaks: string[] = []
    for (const path of ways) {
      const { status, text } = await send(world.client.server, { path })
      if (status >= 500 || /TOP SECRET|"devDependencies"|root:x:/.test(text)) leaks.push(`${path} ${status}`)
    }
    assert.deepEqual(leaks, [])
  })

  for (const [what, csv, says] of files(world))
    await t.test(`a file with ${what} fails its run, and features, models and deployments stay`, async () => {
      const before = await results(world)
      const known = new Set((await platform(world).runs('refresh')).map(run => run.id))
      await platform(world).upload('weather', csv)
      const run = await ended(world, 'refresh', run => !known.has(run.id))
      assert.deepEqual(
        { state: run.state, unsaid: unsaid(run.error ?? '', says), ...(await results(world)) },
        { state: 'failed', unsaid: [], ...before },
      )
    })

  await t.test('a model that is not ONNX fails its run, and features, models and deployments stay', async () => {
    await refresh(world, { evening: '2014-01-31', cities: ['Seattle'] })
    const before = await results(world)
    const { id } = await platform(world).start('text', {})
    const run = await ended(world, 'text', run => run.id === id)
    assert.deepEqual(
      { state: run.state, unsaid: unsaid(run.error ?? '', ['evaluate', 'ONNX']), ...(await results(world)) },
      { state: 'failed', unsaid: [], ...before },
    )
  })
})

function send(origin: string, { method = 'GET', path, body, headers = {} }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    // Not fetch: it would tidy up the path, and send a body that is refused by its length.
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, response => {
      text(response).then(text => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    request.on('error', reject)
    if (headers['content-length']) request.flushHeaders()
    else request.end(body)
  })
}

const unsaid = (sentence: string, says: readonly string[]): readonly string[] =>
  says.filter(words => !sentence.includes(words)).map(words => `${words} | ${sentence}`)

function expectProblem(
  answer: Answer,
  { status, code, says }: { status: number; code: string; says: readonly string[] },
): void {
  const { type, title } = JSON.parse(answer.text) as { type: string; title: string }
  assert.deepEqual(
    { status: answer.status, type, unsaid: unsaid(title, says) },
    { status, type: `/errors/${code}`, unsaid: [] },
  )
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: { readonly pattern?: string }
}
interface Paths {
  readonly paths: Readonly<Record<string, { readonly get?: { readonly parameters?: readonly Parameter[] } }>>
}

/** Every GET of the API with a name or id in its path, filled with one that is possible, and one that is not. */
async function pathsWithNames({ client }: World): Promise<readonly { missing: string; impossible: string }[]> {
  const { paths } = await client.get<Paths>('/openapi.json')
  const named = Object.entries(paths).filter(
    ([path, { get }]) =>
      // Nodes of attempts are asked for their token before anything is looked for.
      get && path.includes('{') && !path.endsWith('/repository') && !path.includes('/attempts/'),
  )
  const inside = ['sources', 'features', 'models'].map(kind => `${project}/${kind}/nothing/versions`)
  return [
    ...named.map(([path, { get }]) => {
      const possible = (name: string): string => {
        const pattern = get!.parameters?.find(parameter => parameter.name === name)?.schema.pattern ?? ''
        const prefix = /^\^(\w+_)/.exec(pattern)?.[1]
        if (name === 'day') return '2000-01-01'
        if (pattern.startsWith('^m-')) return `m-${zeros.slice(32)}`
        if (prefix) return `${prefix}00000000-0000-7000-8000-000000000000`
        return pattern.includes('{64}') ? zeros : 'nothing'
      }
      return {
        missing: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => possible(name)),
        impossible: path.replaceAll(/\{\w+\}/g, '%F0%9F%92%A5..%2F'),
      }
    }),
    ...inside.map(missing => ({ missing, impossible: missing.replace('nothing', 'No%20Such') })),
  ]
}

/** What every list of the API answers, and the deployment. */
async function everything({ client }: World): Promise<Readonly<Record<string, string>>> {
  const { paths } = await client.get<Paths>('/openapi.json')
  const lists = Object.keys(paths)
    .filter(
      path =>
        paths[path]!.get &&
        !paths[path]!.get!.parameters?.some(({ in: place, required }) => place === 'query' && required) &&
        !path.replace('{project}', '').includes('{') &&
        // Bytes of a file that was refused lie there until they are swept.
        !/stream|repository|health|metrics|export\/blobs/.test(path),
    )
    .map(path => path.replace('{project}', 'rain'))
  const found: Record<string, string> = {}
  for (const path of [
    ...lists,
    '/api/v1/deployments/rain',
    '/api/v1/deployments/rain/predictions',
    `${project}/sources/weather/versions`,
  ])
    found[path] = JSON.stringify(await client.get(path))
  return found
}

/** Waits until nothing happens any more. */
async function settled(world: World): Promise<void> {
  let before = ''
  await until(
    'quiet',
    async () => {
      const now = JSON.stringify(await everything(world))
      const isQuiet = now === before
      before = now
      await pause(300)
      return isQuiet
    },
    world,
  )
}

/** What users of a project live on: accepted data, features, models, deployments. A failed run is on record elsewhere. */
async function results(world: World) {
  const trainyard = platform(world)
  return {
    kept: (await trainyard.datasets('weather')).filter(({ verdict }) => verdict === 'kept'),
    views: await trainyard.views(),
    versions: await trainyard.versions('rain'),
    deployment: await trainyard.deployment('rain'),
  }
}

const ended = (world: World, pipeline: string, isIt: (run: Run) => boolean): Promise<Run> =>
  until(
    `a run of ${pipeline}`,
    async () => (await platform(world).runs(pipeline)).find(run => isIt(run) && run.endedAt !== undefined),
    world,
  )

interface Tasks {
  [task: string]: { inputs?: object; environment?: object; [field: string]: unknown }
}

/** Adds a pipeline whose model is a text. Answers the project file as it is then declared. */
async function declareTextModel({ client }: World): Promise<object> {
  const { spec, code } = await client.get<{ spec: { pipelines: Record<string, { tasks: Tasks }> }; code: string }>(
    project,
  )
  const { train, ...others } = spec.pipelines['training']!.tasks
  const text = { run: 'echo A decision tree. > "$TRAINYARD_OUTPUT_MODEL"', inputs: train!.inputs, outputs: ['model'] }
  spec.pipelines['text'] = { tasks: { ...others, train: text } as Tasks }
  await client.send('PUT', project, { spec, code })
  return (await client.get<{ spec: object }>(project)).spec
}
