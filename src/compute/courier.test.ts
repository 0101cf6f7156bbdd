import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTree } from '#storage'
import { openCouriers } from './courier-bed.ts'
import { processesWith, until } from './testing.ts'

test('a courier brings a task to where nothing of ours is, and its log, outputs and end back', async t => {
  const { blobs, attempt, executor } = await openCouriers(t)
  const rows = await blobs.put('1\n2\n')
  const one = await attempt(
    {
      executor: 'cluster',
      run: 'echo counting; wc -l < "$TRAINYARD_INPUT_ROWS" > "$TRAINYARD_OUTPUT_COUNT"',
      outputs: ['count'],
    },
    { files: {}, inputs: { rows } },
  )

  const { outputs, facts } = await executor.execute(one)

  const made = await blobs.bytes(outputs['count']!.digest!)
  assert.deepEqual([made.toString().trim(), one.lines.at(-1), facts['exit']], ['2', 'counting', 0])
})

test('a task that fails on its node says with which exit code, and what it said last', async t => {
  const { attempt, executor } = await openCouriers(t)
  const one = await attempt({ executor: 'cluster', run: 'echo no wind; exit 3' }, { files: {} })

  await assert.rejects(executor.execute(one), {
    code: 'task_failed',
    message: /^The task ended with exit code 3\. Its last lines:\n(?:.*\n)* {2}no wind$/,
  })
})

test('a task that was killed on this machine goes on from its checkpoint on another, and that one’s on this', async t => {
  const { attempt, here, executor, checkpoints } = await openCouriers(t)
  const count = `cd "$TRAINYARD_CHECKPOINT"; n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n.tmp; mv n.tmp n; echo "n=$n"`
  const one = await attempt({ run: `${count}; kill -9 $$`, checkpoint: true })
  await assert.rejects(here.execute(one), { code: 'task_failed' })

  const two = await attempt({ executor: 'cluster', run: `${count}; exit 3`, checkpoint: true }, { number: 2 })
  await assert.rejects(executor.execute(two), { code: 'task_failed' })
  const three = await attempt({ run: count, checkpoint: true }, { number: 3 })
  await here.execute(three)

  assert.deepEqual(
    [one, two, three].map(({ lines }) => lines.filter(line => line.startsWith('n='))),
    [['n=1'], ['n=2'], ['n=3']],
  )
  assert.ok(three.lines.includes('The task goes on from its checkpoint of 1 files.'))
  assert.notEqual(await checkpoints.find('run/train'), undefined)
})

test('an attempt that a later one has overtaken keeps nothing any more', async t => {
  const { attempt, here, checkpoints } = await openCouriers(t)
  const write = (n: number) => `echo ${n} > "$TRAINYARD_CHECKPOINT/n"; exit 1`
  const [old, young] = [
    await attempt({ run: write(1), checkpoint: true }),
    await attempt({ run: write(2), checkpoint: true }, { number: 2 }),
  ]

  await assert.rejects(here.execute(young))
  const kept = await checkpoints.find('run/train')
  await assert.rejects(here.execute(old))

  assert.equal(await checkpoints.find('run/train'), kept)
})

test('over a network that cuts what is asked and loses what is answered, all comes, and once', async t => {
  const { blobs, attempt, executor, network } = await openCouriers(t)
  const rows = await blobs.put('x'.repeat(300_000))
  const run = `for n in $(seq 1 20); do seq -f "line %g" $((n * 100 - 99)) $((n * 100)); sleep 0.1; done
    printf '{"name":"loss","value":0.5}\\n' > "$TRAINYARD_METRICS"
    wc -c < "$TRAINYARD_INPUT_ROWS" > "$TRAINYARD_OUTPUT_SIZE"
    mkdir "$TRAINYARD_OUTPUT_FOLDS"; for n in 1 2 3 4 5 6; do echo $n > "$TRAINYARD_OUTPUT_FOLDS/$n"; done`
  const one = await attempt({ executor: 'cluster', run, outputs: ['size', 'folds'] }, { inputs: { rows } })
  network.mode = 'lossy'

  const { outputs, metrics, facts } = await executor.execute(one)

  const folds = await readTree(blobs, outputs['folds']!.digest!)
  assert.deepEqual(
    {
      lines: one.lines.filter(line => line.startsWith('line')),
      size: (await blobs.bytes(outputs['size']!.digest!)).toString().trim(),
      folds: Object.keys(folds),
      metrics,
      exit: facts['exit'],
    },
    {
      lines: Array.from({ length: 2_000 }, (_, index) => `line ${index + 1}`),
      size: '300000',
      folds: ['1', '2', '3', '4', '5', '6'],
      metrics: [{ name: 'loss', value: 0.5 }],
      exit: 0,
    },
  )
  assert.ok(
    Object.values(network.broken).every(times => times > 1),
    JSON.stringify(network.broken),
  )
})

test('a task whose node reaches nobody for longer than its patience is ended there', async t => {
  const { attempt, executor, network } = await openCouriers(t, { patienceMs: 1_500, silenceMs: 3_000 })
  const seconds = `${600 + Math.random()}`
  const one = await attempt({ executor: 'cluster', run: `echo begun; exec sleep ${seconds}` })
  const ended = executor.execute(one).catch((error: unknown) => error)
  await until(() => one.lines.includes('begun'))
  const before = (await processesWith(seconds)).length

  network.mode = 'gone'
  await until(async () => (await processesWith(seconds)).length === 0)

  assert.equal(before > 0, true)
  assert.deepEqual(((await ended) as { detail: object }).detail, { cause: { kind: 'lost' } })
})
