import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTree } from '#storage'
import { noView } from './fake-serving.ts'
import { rain } from './testing.ts'
import { applied, apply, promote, registered, stages, withCanary } from './testing-stage.ts'

test('the first version in production is bundled, rehearsed and takes all of the traffic', async t => {
  const bench = await applied(t)
  const version = await registered(bench, 1)

  const promoted = await promote(bench, version)
  const [run] = await bench.ended('deploy')

  const [revision] = bench.serving.revisions
  assert.deepEqual(
    [run!.state, run!.cause.reason, bench.rehearsal.bundles],
    ['succeeded', 'Version 1 of rain was moved to production: It is good.', [revision!.bundle]],
  )
  assert.deepEqual(await bench.events('delivery.rolled_out'), [
    {
      deployment: 'rain',
      revision: revision!.id,
      version: version.id,
      outcome: 'first',
      reason: 'It is the first revision of the deployment.',
    },
  ])
  const promotion = promoted.transitions.findLast(({ to }) => to === 'production')!.id
  // Serving, which is stood in for, writes the node.
  await bench.db
    .transaction()
    .execute(tx =>
      bench.ledger.record(tx, { id: revision!.id, kind: 'deployment_revision', label: 'rain 1', project: 'rain' }),
    )
  const { edges } = await bench.ledger.ancestors(revision!.id)
  assert.deepEqual(
    ['let_through_by', 'promoted'].map(relation => edges.filter(edge => edge.relation === relation)),
    [
      [{ from: revision!.id, to: promotion, relation: 'let_through_by' }],
      [{ from: promotion, to: version.id, relation: 'promoted' }],
    ],
  )
})

test('a bundle holds manifest, model, serving code with its neighbours, and predictions computed elsewhere', async t => {
  const bench = await applied(t)
  const version = await registered(bench, 1)

  await promote(bench, version)
  await bench.ended('deploy')

  const tree = await readTree(bench.blobs, bench.rehearsal.bundles[0]!)
  const manifest = JSON.parse((await bench.blobs.bytes(tree['bundle.json']!.digest)).toString()) as Record<
    string,
    unknown
  > & { golden: { inputs: object; outputs: { probability: number } }[] }
  const { golden, ...rest } = manifest
  assert.deepEqual(Object.keys(tree).toSorted(), ['bundle.json', 'model.onnx', 'serving/answer.ts', 'serving/words.ts'])
  assert.equal(tree['model.onnx']!.digest, version.digest)
  assert.deepEqual(rest, {
    project: 'rain',
    model: 'rain',
    version: version.id,
    number: 1,
    signature: version.signature,
    service: { entityKey: 'city', views: [] },
    runtime: { kind: 'onnx' },
    serving: 'serving/answer.ts',
  })
  assert.deepEqual(
    golden.map(({ inputs, outputs }) => [inputs, outputs.probability.toFixed(6)]),
    [
      [{ wind: 1.5 }, (1 / (1 + Math.exp(-1.5))).toFixed(6)],
      [{ wind: -2 }, (1 / (1 + Math.exp(2))).toFixed(6)],
    ],
  )
})

test('a second version is a canary until its guard is content, and is then promoted', async t => {
  const bench = await applied(t)
  const [first, second] = await withCanary(bench)
  const weight = bench.serving.revisions[0]!.weight

  bench.serving.view = { ...noView, verdict: 'continue', requests: 60, reason: 'Nothing yet.' }
  await bench.ended('deploy')

  assert.deepEqual(
    [weight, bench.serving.revisions.map(({ state }) => state), await stages(bench, first, second)],
    [10, ['live', 'retired'], ['archived', 'production']],
  )
  assert.deepEqual(
    (await bench.events('delivery.rolled_out')).map(data => (data as { outcome: string }).outcome),
    ['first', 'promoted'],
  )
})

test('a canary takes one step after the other, and what was decided is written down with what it was decided on', async t => {
  const bench = await applied(t, {
    deployments: { rain: { model: 'rain', canary: { steps: [1, 25], dwell: '0s', requestsMin: 60 } } },
  })
  await withCanary(bench)
  const [canary] = bench.serving.revisions
  const first = canary!.weight
  const control = { controlRequests: 900, controlErrors: 4, controlSlow: 30, controlLate: 6 }
  const counts = { requests: 60, errors: 1, slow: 2, late: 1, burn: 5.2, ...control }
  const seen = { ...noView, ...counts, evidence: 0.5, slowEvidence: -0.25 }

  while ((await bench.delivery.canaryMoves('rain')).length === 0) await new Promise(resolve => setTimeout(resolve, 20))
  bench.serving.view = seen
  for (let waited = 0; canary!.weight === 1 && waited < 30_000; waited += 20)
    await new Promise(resolve => setTimeout(resolve, 20))
  const second = canary!.weight
  bench.serving.view = { ...seen, requests: 119 }
  await new Promise(resolve => setTimeout(resolve, 100))
  const patient = canary!.state
  bench.serving.view = { ...seen, requests: 120 }
  const runs = await bench.ended('deploy')

  assert.deepEqual([first, second, patient, canary!.state], [1, 25, 'canary', 'live'])
  const moves = await bench.delivery.canaryMoves('rain')
  assert.equal(new Set(moves.map(({ policy }) => policy)).size, 1)
  const { policy: _, at, since, ...last } = moves[0]!
  assert.ok(at >= since - 1_000)
  assert.deepEqual(last, {
    run: runs.at(-1)!.id,
    deployment: 'rain',
    revision: canary!.id,
    move: 'promote',
    weight: 100,
    actor: last.actor,
    reason: '60 requests at 25 %, and nothing to reject it.',
    ...counts,
    requests: 120,
    verdict: 'continue',
    evidence: 0.5,
    slowEvidence: -0.25,
  })
  assert.deepEqual(
    moves.toReversed().map(({ move, weight, requests }) => [move, weight, requests]),
    [
      ['begin', 1, 0],
      ['advance', 25, 60],
      ['promote', 100, 120],
    ],
  )
})

test('a revision that is to be a shadow first gets copies, and becomes the canary when it has answered enough of them', async t => {
  const bench = await applied(t, {
    deployments: { rain: { model: 'rain', shadow: { share: 20, rowsMin: 50, minDuration: '0s' } } },
  })
  await withCanary(bench)
  const [shadow] = bench.serving.revisions
  assert.deepEqual([shadow!.state, shadow!.weight, shadow!.shadow], ['shadow', 0, 20])

  bench.serving.shadowed = [{ revision: shadow!.id, rows: 60, agreed: 55, errors: 0 }]
  for (let waited = 0; shadow!.state === 'shadow' && waited < 30_000; waited += 20)
    await new Promise(resolve => setTimeout(resolve, 20))
  const canary = [shadow!.state, shadow!.weight]
  bench.serving.view = { ...noView, verdict: 'pass', requests: 60, reason: 'Nothing against it.' }
  await bench.ended('deploy')

  assert.deepEqual(
    [canary, bench.serving.revisions.map(({ state }) => state)],
    [
      ['canary', 1],
      ['live', 'retired'],
    ],
  )
})

test('a rejected canary is rolled back, and the former version is in production again without a new deployment', async t => {
  const bench = await applied(t)
  const [first, second] = await withCanary(bench)

  bench.serving.view = { ...noView, verdict: 'reject', requests: 12, reason: 'The canary fails too often.' }
  const runs = await bench.ended('deploy')

  assert.deepEqual(
    [runs.length, bench.serving.revisions.map(({ state }) => state), await stages(bench, first, second)],
    [2, ['rolled_back', 'live'], ['production', 'archived']],
  )
  assert.deepEqual((await bench.events('delivery.rolled_out')).at(-1), {
    deployment: 'rain',
    revision: bench.serving.revisions[0]!.id,
    version: second.id,
    outcome: 'rolled_back',
    reason: 'The canary fails too often.',
  })
})

test('a bundle that fails its rehearsal takes no traffic, and its version leaves production', async t => {
  const bench = await applied(t)
  const [first, second] = [await registered(bench, 1), await registered(bench, 2)]
  await promote(bench, first)
  await bench.ended('deploy')

  bench.rehearsal.checks = [{ name: 'golden', passed: false, found: 'row 1: 0.9 instead of 0.8' }]
  await promote(bench, second)
  const [, run] = await bench.ended('deploy')

  assert.deepEqual(
    [run!.state, bench.serving.revisions.length, await stages(bench, first, second)],
    ['failed', 1, ['production', 'archived']],
  )
  assert.match(await bench.logOf(run!, 'rehearse'), /FAILED {2}golden: row 1: 0\.9 instead of 0\.8/)
  assert.match(run!.error ?? '', /The rehearsal failed: golden\./)
})

test('a canary that a person has ended is not ended again', async t => {
  const bench = await applied(t)
  const [first, second] = await withCanary(bench)

  bench.serving.revisions[0]!.state = 'rolled_back'
  await bench.ended('deploy')

  assert.deepEqual([bench.serving.ends, await stages(bench, first, second)], [[], ['production', 'archived']])
})

test('a newer promotion ends the canary before it, and follows it', async t => {
  const bench = await applied(t)
  const [, second] = await withCanary(bench)
  const third = await registered(bench, 3)

  await promote(bench, third)
  for (let waited = 0; bench.serving.revisions.length < 3 && waited < 8_000; waited += 20)
    await new Promise(resolve => setTimeout(resolve, 20))
  bench.serving.view = { ...noView, verdict: 'pass', requests: 5, reason: 'It is as good.' }
  await bench.ended('deploy')

  assert.deepEqual(
    [bench.serving.revisions.map(({ state }) => state), await stages(bench, second, third)],
    [
      ['live', 'rolled_back', 'retired'],
      ['archived', 'production'],
    ],
  )
})

test('a deployment that is declared after its model went to production is brought up', async t => {
  const bench = await applied(t, { deployments: {} })
  const version = await registered(bench, 1)
  await promote(bench, version)
  assert.deepEqual(await bench.ended('deploy'), [])

  await apply(bench, rain())
  const [run] = await bench.ended('deploy')

  assert.deepEqual([run?.state, bench.serving.revisions.map(revision => revision.version)], ['succeeded', [version.id]])
})

test('steps that a crash makes run again deploy, announce and bundle once', async t => {
  const bench = await applied(t)
  const version = await registered(bench, 1)
  await promote(bench, version)
  const [run] = await bench.ended('deploy')
  const tasks = await bench.workflow.tasks(run!.id)

  for (const { name, params, inputs, outputs, id: taskId } of tasks) {
    const call = {
      run: run!,
      task: name,
      taskId,
      params: params as never,
      inputs,
      key: `${run!.id}/${name}`,
      number: 1,
      log: () => {},
      metric: () => {},
      signal: new AbortController().signal,
    }
    assert.deepEqual(
      await bench.delivery.tasks[`delivery.${name}`]!(call).then(result =>
        'outputs' in result ? result.outputs : result,
      ),
      outputs,
    )
  }

  assert.deepEqual([bench.serving.revisions.length, (await bench.events('delivery.rolled_out')).length], [1, 1])
})
