import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLogs } from './logs.ts'
import { command, inProcess, openBed, testFolder } from './testing.ts'

test('a log is read piece by piece, over all attempts', async t => {
  const logs = createLogs(await testFolder(t))
  const first = logs.open('run', 'train')
  first.line('one')
  first.close()
  const before = await logs.read('run', 'train', 0)
  const second = logs.open('run', 'train')
  second.line('two')
  second.close()

  const after = await logs.read('run', 'train', before.next)

  assert.deepEqual(
    [before, after],
    [
      { text: 'one\n', next: 4, isAll: true },
      { text: 'two\n', next: 8, isAll: true },
    ],
  )
  assert.deepEqual(await logs.read('run', 'other', 0), { text: '', next: 0, isAll: true })
})

test('logs of a run are listed with their length, and had whole', async t => {
  const logs = createLogs(await testFolder(t))
  for (const [task, text] of [
    ['train', 'grün'],
    ['fit', 'x'],
  ] as const) {
    const log = logs.open('run', task)
    log.line(text)
    log.close()
  }

  assert.deepEqual(await logs.list('run'), [
    { task: 'fit', size: 2 },
    { task: 'train', size: 6 },
  ])
  assert.deepEqual([await logs.list('none'), await logs.whole('run', 'none')], [[], undefined])
  assert.equal(String(await logs.whole('run', 'train')), 'grün\n')
})

test('a task that says nothing leaves neither log nor folder', async t => {
  const folder = await testFolder(t)
  const silent = createLogs(folder).open('run', 'silent')
  silent.heading(() => 'one')
  silent.close()

  assert.deepEqual(await readdir(folder), [])
})

test('a heading stands before what comes after it, and alone only where another process goes on', async t => {
  const logs = createLogs(await testFolder(t))
  const alone = logs.open('run', 'silent')
  alone.heading(() => 'one')
  alone.close()
  const begun = logs.open('run', 'begun')
  begun.heading(() => 'two')
  begun.flush()
  begun.line('three')
  begun.close()

  const [silent, said] = [await logs.read('run', 'silent', 0), await logs.read('run', 'begun', 0)]

  assert.deepEqual([silent.text, said.text], ['', 'two\nthree\n'])
})

test('who appends to the log of an attempt finds its heading there', async t => {
  let before = ''
  const executor = inProcess(async ({ logFile }) => {
    before = await readFile(logFile.path, 'utf8')
    return { outputs: {}, metrics: [], facts: {} }
  })
  const { run } = await openBed(t, { executor })

  await run({ train: command('true') })

  assert.match(before, /^== attempt 1 of 1, .* ==\n$/)
})

test('a character is never cut in two', async t => {
  const logs = createLogs(await testFolder(t))
  const text = `${'x'.repeat(256 * 1024 - 2)}€uro`
  const log = logs.open('run', 'train')
  log.line(text)
  log.close()

  const first = await logs.read('run', 'train', 0)
  const second = await logs.read('run', 'train', first.next)

  assert.deepEqual([first.text.length, first.isAll, second.text, second.isAll], [256 * 1024 - 2, false, '€uro\n', true])
})

test('a log that is full keeps its beginning and its end, and says what it left out', async t => {
  const folder = await testFolder(t)
  const log = createLogs(folder, 1_000).open('run', 'train')
  const line = (index: number): string => `${index} ${'x'.repeat(98)}`.slice(0, 99)
  for (let index = 1; index <= 2_000; index++) log.line(line(index))
  log.close()

  const lines = (await readFile(join(folder, 'run', 'train.log'), 'utf8')).trimEnd().split('\n')

  const kept = Math.floor((64 * 1024) / 100)
  assert.deepEqual(
    [lines[0], lines[9], lines[10], lines[11], lines.at(-1), lines.length],
    [
      line(1),
      line(10),
      `… the log is full: ${1_990 - kept} lines are left out here …`,
      line(2_001 - kept),
      line(2_000),
      10 + 1 + kept,
    ],
  )
})
