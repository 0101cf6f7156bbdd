import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import { readTree } from '#storage'
import type { Attempt, Execution, Executor } from '#workflow'
import { processesWith, type Bench, type TestAttempt } from './testing.ts'

/** An executor that runs for real, made for one suite. */
export interface ExecutorBed extends Pick<Bench, 'blobs' | 'attempt' | 'checkpoints'> {
  readonly executor: () => Executor
  /** Ends this process's part of the platform, and begins another over what the first has written down. */
  restart(between?: () => Promise<void>): Promise<void>
  /** Ends all that runs the attempt at once, as a machine that breaks does; where that can be done. */
  readonly loseNode?: (one: TestAttempt) => Promise<void>
  /** Whether tasks are processes of this machine. */
  readonly isHere: boolean
}

const lineCount = 20_000
const waitMs = 120_000

/** What every executor promises, wherever it runs. */
export function executorContract(name: string, open: () => Promise<ExecutorBed>): void {
  test(name, { timeout: 900_000 }, async t => {
    const bed = await open()
    const { blobs } = bed
    const failure = (execution: Promise<Execution>): Promise<TrainyardError> =>
      execution.then(
        () => assert.fail('It succeeded.'),
        (error: TrainyardError) => error,
      )
    const said = (one: TestAttempt, text: string) => until(() => one.lines.some(line => line.includes(text)), one)

    await t.test('a folder is an input and an output too', async () => {
      const data = await bed.attempt({
        run: 'mkdir -p "$TRAINYARD_OUTPUT_MODEL/data"; echo 1 > "$TRAINYARD_OUTPUT_MODEL/data/part"; echo "#!/bin/sh" > "$TRAINYARD_OUTPUT_MODEL/run"; chmod +x "$TRAINYARD_OUTPUT_MODEL/run"',
        outputs: ['model'],
      })
      const { outputs } = await bed.executor().execute(data)
      const { digest, ...facts } = outputs['model']!
      const reader = await bed.attempt(
        {
          run: 'cd "$TRAINYARD_INPUT_MODEL"; cat data/part; test -x run && find . -type f | sort',
        },
        { inputs: { model: outputs['model']! } },
      )
      await bed.executor().execute(reader)

      const lines = reader.lines.map(line => line.replace(/^\[0\] /, ''))
      assert.deepEqual(
        [facts, Object.keys(await readTree(blobs, digest!)).toSorted(), lines.slice(-3)],
        [{ size: 12, files: 2 }, ['data/part', 'run'], ['1', './data/part', './run']],
      )
    })

    await t.test(
      'a task is given code, inputs and parameters; its log, outputs and metrics come back whole',
      async () => {
        const rows = await blobs.put('1\n2\n')
        const one = await bed.attempt(
          { run: 'sh count.sh', outputs: ['row-count'] },
          {
            files: { 'count.sh': script, 'lib/part.sh': '#!/bin/sh\necho part' },
            inputs: { rows, report: { value: { ok: true } } },
            params: { c: 0.3 },
          },
        )

        const { outputs, metrics, facts } = await bed.executor().execute(one)

        const made = outputs['row-count']!
        assert.deepEqual(
          [(await blobs.bytes(made.digest!)).toString(), made.size, metrics, facts['exit']],
          ['2\n', 2, measured, 0],
        )
        const lines = one.lines.map(line => line.replace(/^\[0\] /, ''))
        for (const line of ['c=0.3 seed=7 run/train', '{"ok":true}', 'part', 'oops'])
          assert.ok(lines.includes(line), line)
        const numbered = lines.filter(line => /^line \d+$/.test(line))
        assert.deepEqual([numbered.length, numbered.at(-1)], [lineCount, `line ${lineCount}`])
        assert.equal(one.recorded.exit?.code, 0)
      },
    )

    await t.test('a task that fails says with which exit code, and what it said last', async () => {
      const error = await failure(bed.executor().execute(await bed.attempt({ run: 'echo one; echo two >&2; exit 3' })))
      assert.match(error.message, /^The task ended with exit code 3\. Its last lines:\n(?:.*\n)* {2}two/)
      assert.deepEqual([error.code, error.detail], ['task_failed', { cause: { kind: 'exit', code: 3 } }])
    })

    await t.test('a command that is killed says by which signal', async () => {
      const error = await failure(bed.executor().execute(await bed.attempt({ run: 'kill -9 $$' })))
      assert.match(error.message, /^The task was killed by SIGKILL\./)
      assert.deepEqual(error.detail, { cause: { kind: 'signal', signal: 'SIGKILL' } })
    })

    await t.test('an output that is missing fails the task and is named', async () => {
      const error = await failure(bed.executor().execute(await bed.attempt({ run: 'true', outputs: ['model'] })))
      assert.match(error.message, /its output model was not written/)
    })

    for (const kind of ['cancelled', 'timeout'] as const)
      await t.test(
        `a task that is stopped (${kind}) is asked to end, and then ended with all that it started`,
        async () => {
          const seconds = `${600 + Math.random()}`
          const controller = new AbortController()
          const one = await bed.attempt(
            { run: `trap 'echo asked' TERM; sleep ${seconds} & echo begun; while true; do sleep 0.05; done` },
            { signal: controller.signal },
          )
          const execution = failure(bed.executor().execute(one))
          await said(one, 'begun')

          controller.abort(because(kind))

          assert.deepEqual((await execution).detail, { cause: { kind } })
          assert.ok(
            one.lines.some(line => line.includes('asked')),
            one.lines.join('\n'),
          )
          if (bed.isHere) await until(async () => (await processesWith(seconds)).length === 0, one)
        },
      )

    await t.test(
      'the platform is restarted meanwhile, and away when the task ends: nothing is lost, nothing runs twice',
      async () => {
        const leaving = new AbortController()
        const run =
          'echo begun; for i in $(seq 40); do echo "tick $i"; sleep 0.1; done; echo done > "$TRAINYARD_OUTPUT_X"'
        const one = await bed.attempt({ run, outputs: ['x'] }, { signal: leaving.signal })
        const left = failure(bed.executor().execute(one))
        await said(one, 'tick 3')
        leaving.abort(because('left'))
        assert.deepEqual((await left).detail, { cause: { kind: 'left' } })

        await bed.restart(() => new Promise(resolve => setTimeout(resolve, 6_000)))
        const again: Attempt = { ...one, signal: new AbortController().signal }
        const { outputs } = await bed.executor().adopt(again, one.handles.at(-1)!)

        assert.equal((await blobs.bytes(outputs['x']!.digest!)).toString(), 'done\n')
        const log = readFileSync(one.logFile.path, 'utf8')
        assert.deepEqual([log.match(/begun$/gm)?.length, new Set(log.match(/tick \d+$/gm)).size], [1, 40])
      },
    )

    await t.test('two who follow the same attempt see one task, and the same end', async () => {
      const one = await bed.attempt({
        run: 'echo begun; sleep 2; echo "$$" > "$TRAINYARD_OUTPUT_PID"',
        outputs: ['pid'],
      })
      const first = bed.executor().execute(one)
      await said(one, 'begun')
      const second = bed.executor().adopt(one, one.handles.at(-1)!)
      const [a, b] = await Promise.all([first, second.catch(() => first)])
      assert.deepEqual(a.outputs, b.outputs)
      assert.equal(one.lines.filter(line => line.endsWith('begun')).length, 1)
    })

    await t.test('what an attempt has kept is there at the next one, although it was killed', async () => {
      const task = { key: `run/${name}` }
      const run = `cd "$TRAINYARD_CHECKPOINT"; mkdir -p epochs; echo half > epochs/2.tmp
        echo 1 > epochs/1; ln -s epochs/1 last; echo '#!/bin/sh' > again; chmod +x again; echo kept; sleep 600`
      const one = await bed.attempt({ run, checkpoint: true }, task)
      const stopping = new AbortController()
      const execution = failure(bed.executor().execute({ ...one, signal: stopping.signal }))
      await said(one, 'kept')
      await until(async () => (await bed.checkpoints.find(task.key)) !== undefined, one)
      if (bed.loseNode) await bed.loseNode(one)
      else stopping.abort(because('cancelled'))
      await execution

      const look = 'cd "$TRAINYARD_CHECKPOINT"; cat last; test -x again && find . -type f | sort'
      const next = await bed.attempt({ run: look, checkpoint: true }, { ...task, number: 2 })
      await bed.executor().execute(next)
      const other = await bed.attempt({ run: 'ls -A "$TRAINYARD_CHECKPOINT"; echo empty', checkpoint: true })
      await bed.executor().execute(other)

      const lines = (of: TestAttempt) => of.lines.map(line => line.replace(/^\[0\] /, ''))
      assert.deepEqual(lines(next).slice(-4), ['1', './again', './epochs/1', './last'])
      assert.deepEqual(lines(other).at(-1), 'empty')
    })

    const { loseNode } = bed
    if (!loseNode) return t.diagnostic('No machine can be broken here.')
    await t.test('a task whose machine breaks is lost, which is not its failure', async () => {
      const one = await bed.attempt({ run: 'echo begun; sleep 600' })
      const execution = failure(bed.executor().execute(one))
      await said(one, 'begun')
      await loseNode(one)
      assert.deepEqual((await execution).detail, { cause: { kind: 'lost' } })
    })
  })
}

const script = `wc -l < "$TRAINYARD_INPUT_ROWS" | tr -d " " > "$TRAINYARD_OUTPUT_ROW_COUNT"
echo "c=$TRAINYARD_PARAM_C seed=$TRAINYARD_SEED $TRAINYARD_KEY"
cat "$TRAINYARD_INPUT_REPORT"; echo
lib/part.sh
echo oops >&2
i=1; while [ $i -le ${lineCount} ]; do echo "line $i"; i=$((i+1)); done
printf '{"name":"loss","value":2,"step":1}\\n{"name":"loss","value":1}\\n' > "$TRAINYARD_METRICS"
`
const measured = [
  { name: 'loss', value: 2, step: 1 },
  { name: 'loss', value: 1 },
]

const because = (kind: string): TrainyardError => new TrainyardError('task_failed', `${kind}.`, { cause: { kind } })

async function until(holds: () => boolean | Promise<boolean>, one: TestAttempt): Promise<void> {
  for (const end = Date.now() + waitMs; !(await holds());) {
    if (Date.now() > end) assert.fail(`It never came true. The log:\n${one.lines.join('\n')}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
