import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#kernel/id.ts'
import type { Monitoring } from './monitoring.ts'
import { deployment, openStage, project } from './testing-stage.ts'
import { daysOf, type Day } from './testing.ts'

const seattle = (from: string, to: string, seed: number): readonly Day[] => daysOf({ key: 'Seattle', from, to, seed })
const newYork = (from: string, to: string): readonly Day[] =>
  daysOf({ key: 'New York', from, to, seed: 10, colder: 9, surprise: -5 })
const deploy = (monitoring: Monitoring, revision = 'rev_1', version = 'mdv_1', weight = 100): Promise<void> =>
  monitoring.create({ project, deployment, revision, version, weight })
const byTime = (a: Day, b: Day): number => a.at - b.at
const page = { limit: 100 }

test('a year like the years before is watched from its first prediction, and nobody is paged', async t => {
  const { monitoring, serve, tell } = await openStage(t)
  const year = seattle('2014-01-01', '2015-01-01', 2)

  await deploy(monitoring)
  const [before] = await monitoring.monitors(project)
  for (let month = 0; month < year.length; month += 30) {
    const days = year.slice(month, month + 30)
    await tell(await serve(days), days)
  }

  const [after] = await monitoring.monitors(project)
  assert.deepEqual([before!.state, before!.reference], ['waiting', 'training set trs_1 (731 rows)'])
  assert.deepEqual(
    [
      after!.state,
      after!.predictions,
      after!.labelled,
      (await monitoring.windows(deployment, page)).items.length,
      (await monitoring.incidents({ project }, page)).items,
    ],
    ['healthy', 365, 365, 6, []],
  )
})

test('a new city is drift at once, a loss when its truth is known, and both are routed upstream once', async t => {
  const { monitoring, ledger, serve, tell, events } = await openStage(t)
  const days = [...seattle('2014-01-01', '2014-05-10', 2), ...newYork('2014-01-01', '2014-05-10')].toSorted(byTime)

  await deploy(monitoring)
  const ids = await serve(days)
  const drift = {
    incidents: (await monitoring.incidents({ project }, page)).items.length,
    found: await events('monitoring.drift_found'),
  }
  await tell(ids, days)

  const [incident, ...others] = (await monitoring.incidents({ project }, page)).items
  const items = (await monitoring.feedback(project, page)).items
  const { window } = drift.found[0]!
  assert.deepEqual([drift.incidents, drift.found.length, drift.found[0]!['features']], [0, 1, ['city']])
  assert.deepEqual(
    [incident!.kind, incident!.severity, incident!.causes[0]!.name, others],
    ['performance', 'page', 'city = New York', []],
  )
  assert.deepEqual(
    items.map(({ receiver, action, model }) => [receiver, action, model]),
    [
      ['scheduler', 'retrain', 'rain'],
      ['experimentation', 'evaluate', 'rain'],
    ],
  )
  assert.deepEqual(
    (await events('monitoring.performance_lost')).map(({ incident: id, item }) => [id, item]),
    [[incident!.id, items[0]!.id]],
  )
  assert.match(
    incident!.evidence[0]!,
    /^Window 2014-\d\d-\d\d to 2014-\d\d-\d\d \(win_[\w-]+\): brier 0\.\d+ on 60 of 60 predictions whose truth is known; 0\.\d+ was expected/,
  )
  const upstream = (await ledger.ancestors(items[0]!.id)).nodes.map(({ kind }) => kind)
  assert.deepEqual(
    [['incident', 'window'].every(kind => upstream.includes(kind as never)), typeof window],
    [true, 'string'],
  )
})

test('three clean windows end an incident and what was asked because of it', async t => {
  const { monitoring, serve, tell, events } = await openStage(t)
  const bad = newYork('2014-01-01', '2014-03-02').map(day => ({ ...day, key: 'Seattle' }))
  const good = seattle('2014-03-02', '2014-10-01', 5)

  await deploy(monitoring)
  const states: number[] = []
  for (const days of [[...bad, good[0]!], good.slice(1, 121), good.slice(121)]) {
    await tell(await serve(days), days)
    states.push((await monitoring.incidents({ project, state: 'open' }, page)).items.length)
  }

  assert.deepEqual(states, [1, 1, 0])
  assert.deepEqual(
    (await events('monitoring.incident_resolved')).map(({ kind }) => kind),
    ['performance'],
  )
  assert.equal(
    (await monitoring.feedback(project, page)).items.find(({ receiver }) => receiver === 'scheduler')!.state,
    'done',
  )
})

test('live rows that break the contract page data engineering and block retraining', async t => {
  const { monitoring, serve } = await openStage(t)
  const days = seattle('2014-01-01', '2014-03-05', 2)

  await deploy(monitoring)
  await serve(days, { change: day => ({ features: { temperature: day.temperature, wind: -1 } }) })

  const blocking = (await monitoring.blocksRetraining(project))!
  assert.deepEqual(
    [blocking.kind, blocking.severity, blocking.title],
    ['contract', 'page', 'rain: live rows break the contract in wind'],
  )
  assert.deepEqual(
    blocking.violations.map(({ column, rule, rows }) => [column, rule, rows]),
    [['wind', 'constant', 60]],
  )
  assert.deepEqual(
    (await monitoring.feedback(project, page)).items.map(({ receiver, action }) => [receiver, action]),
    [['data_engineering', 'repair']],
  )
})

test('broken data of a source block retraining until a later version keeps the contract', async t => {
  const { monitoring } = await openStage(t)
  const [older, broken, newer] = [newId('dsv'), newId('dsv'), newId('dsv')]
  const violations = [
    { column: 'wind', rule: 'constant' as const, found: '-1 in all 365 rows', allowed: 'values that vary', rows: 365 },
  ]

  const incident = await monitoring.openContractIncident({
    project,
    source: 'weather',
    version: broken,
    run: 'run_1',
    violations,
  })
  const again = await monitoring.openContractIncident({ project, source: 'weather', version: broken, violations })
  await monitoring.contractKept({ project, source: 'weather', version: older })
  const blocked = await monitoring.blocksRetraining(project)
  await monitoring.contractKept({ project, source: 'weather', version: newer })

  assert.deepEqual(incident.evidence, [
    'wind (constant): -1 in all 365 rows; allowed: values that vary.',
    `Found in dataset version ${broken}, run run_1.`,
  ])
  assert.deepEqual(
    [again.id, blocked?.id, await monitoring.blocksRetraining(project)],
    [incident.id, incident.id, undefined],
  )
})

test('what is told twice counts once', async t => {
  const { monitoring, serve, tell, events } = await openStage(t)
  const days = seattle('2014-01-01', '2014-03-05', 2)

  await deploy(monitoring)
  await deploy(monitoring)
  const ids = await serve(days)
  await monitoring.predictionsLogged({ deployment, count: 63, from: days[0]!.at, to: days.at(-1)!.at, event: 1 })
  await tell(ids, days)
  await monitoring.judgeAgain(deployment)

  const { predictions, pendingRows, labelled } = (await monitoring.monitors(project))[0]!
  assert.deepEqual({ predictions, pendingRows, labelled }, { predictions: 63, pendingRows: 3, labelled: 63 })
  assert.equal((await events('monitoring.window_evaluated')).length, 2)
})

test('rows that come late are judged with the window that they belong to', async t => {
  const { monitoring, serve } = await openStage(t)
  const days = seattle('2014-01-01', '2014-03-05', 2)

  await deploy(monitoring)
  await serve(days)
  await serve(days.slice(5, 8))

  assert.deepEqual(
    (await monitoring.windows(deployment, page)).items.map(({ rows }) => rows),
    [63],
  )
})

test('after a promotion the next window is judged by what the new revision answered', async t => {
  const { monitoring, serve } = await openStage(t)
  const days = seattle('2014-01-01', '2014-05-10', 2)

  await deploy(monitoring)
  await serve(days.slice(0, 62))
  await deploy(monitoring, 'rev_2', 'mdv_2', 10)
  const during = (await monitoring.monitors(project))[0]!.revision
  await monitoring.setLive(deployment, { rev_1: 0, rev_2: 100 })
  await serve(days.slice(62, 90))
  await serve(days.slice(90), { revision: 'rev_2', version: 'mdv_2' })

  const [second, first] = (await monitoring.windows(deployment, page)).items
  assert.deepEqual([during, first!.revision, second!.revision, second!.rows], ['rev_1', 'rev_1', 'rev_2', 60])
})

test('truth is refused whole when one item is wrong, and says which', async t => {
  const { monitoring } = await openStage(t)
  await deploy(monitoring)

  const refused = await monitoring
    .recordTruth(deployment, [
      { prediction: newId('prd'), value: 1 },
      { prediction: 'prd_7', value: 1 },
      { prediction: newId('prd'), value: 0.5 },
    ])
    .catch((error: unknown) =>
      (error as { detail: { problems: { field: string }[] } }).detail.problems.map(({ field }) => field),
    )
  const unknown = await monitoring.recordTruth('snow', []).catch((error: unknown) => (error as { code: string }).code)

  assert.deepEqual(
    [refused, unknown, (await monitoring.monitors(project))[0]!.labelled],
    [['items[1].prediction', 'items[2].value'], 'not_found', 0],
  )
})

test('a person acknowledges and resolves an incident, and a run ends the item that led to it', async t => {
  const { monitoring } = await openStage(t)
  const { id } = await monitoring.openContractIncident({ project, source: 'weather', violations: [] })
  const [item] = await monitoring.openFeedback(project, 'data_engineering')

  await monitoring.attachRun(item!.id, 'run_1')
  const acknowledged = await monitoring.acknowledge(id, { state: 'acknowledged', actor: 'ada' })
  await monitoring.runFinished('run_1')
  const resolved = await monitoring.acknowledge(id, { state: 'resolved', actor: 'ada' })
  const again = await monitoring
    .acknowledge(id, { state: 'acknowledged', actor: 'ada' })
    .catch((error: unknown) => (error as { code: string }).code)

  assert.deepEqual(
    [acknowledged.state, resolved.state, resolved.resolution, again],
    ['acknowledged', 'resolved', 'Resolved by ada.', 'conflict'],
  )
  assert.deepEqual(
    (await monitoring.feedback(project, page)).items.map(({ state, run }) => [state, run]),
    [['done', 'run_1']],
  )
})

test('windows are judged in order, and once for each task', async t => {
  const { monitoring, serve, events } = await openStage(t, { hold: true })
  await deploy(monitoring)
  await serve(seattle('2014-01-01', '2014-05-10', 2))
  const evaluate = (from: string, key: string) =>
    monitoring.evaluate({ params: { deployment, from: Date.parse(from) }, key, log: () => {} })

  const early = await evaluate('2014-03-02', 'b')
  const answers = [
    await evaluate('2014-01-01', 'a'),
    await evaluate('2014-01-01', 'a'),
    await evaluate('2014-03-02', 'b'),
  ]

  assert.ok('waitMs' in early && early.waitingFor.startsWith('the judgement of window 2014-01-01'))
  assert.deepEqual(answers, [{ metrics: { rows: 60, labelled: 0 } }, {}, { metrics: { rows: 60, labelled: 0 } }])
  assert.equal((await events('monitoring.window_evaluated')).length, 2)
})

test('a window is judged again when enough of its truth is known, and when all of it is', async t => {
  const { monitoring, serve, tell, events } = await openStage(t)
  const days = seattle('2014-01-01', '2014-03-05', 2)
  await deploy(monitoring)
  const ids = await serve(days)

  const judged: number[] = []
  for (const [from, to] of [
    [0, 30],
    [30, 47],
    [47, 50],
    [50, 60],
    [60, 63],
  ] as const) {
    await tell(ids.slice(from, to), days.slice(from, to))
    judged.push((await events('monitoring.window_evaluated')).length)
  }

  assert.deepEqual(judged, [1, 1, 2, 3, 3])
})
