import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { Event } from '#kernel/event.ts'
import { matches } from './filter.ts'
import { matchesGlob } from './glob.ts'
import { gathered, isMeant, isOnBranch, pushOf, touches, type Gathering } from './trigger.ts'

const event = (type: string, data: object, seq = 1, at = 0): Event => ({
  seq,
  type,
  at: at as Millis,
  project: 'rain',
  actor: 'ann',
  data,
})

test('a pipeline is never started by what becomes of itself', () => {
  const spec = { on: 'event', type: 'workflow.run_finished' } as const

  assert.deepEqual(
    ['other', 'echo'].map(pipeline =>
      isMeant({ project: 'rain', pipeline: 'echo', name: 'event' }, spec, event(spec.type, { pipeline })),
    ),
    [true, false],
  )
})

test('a filter asks for values, one of several, and bounds', () => {
  const data = { run: { state: 'failed', tasks: [{ name: 'fit' }] }, score: 0.4, ok: false }
  const asked = [
    {},
    { 'run.state': 'failed', ok: false },
    { 'run.state': ['succeeded', 'failed'] },
    { 'run.tasks.0.name': 'fit' },
    { score: { gt: 0.1, lte: 0.4 } },
    { 'run.state': { not: 'succeeded' } },
    { 'run.state': 'succeeded' },
    { 'run.state': { gt: 1 } },
    { score: { lt: 0.4 } },
    { absent: 1 },
    { ok: { not: false } },
  ]

  assert.deepEqual(
    asked.map(where => matches(where, data)),
    [true, true, true, true, true, true, false, false, false, false, false],
  )
})

test('branches and files are named by their shape', () => {
  const shapes = [
    ['train.py', 'train.py'],
    ['train.py', '*.py'],
    ['a/b/train.py', '**/train.py'],
    ['train.py', '**/train.py'],
    ['data/a/b.csv', 'data/**'],
    ['a/train.py', '*.py'],
    ['trainXpy', 'train.py'],
    ['release/1', 'release/?'],
  ] as const

  assert.deepEqual(
    shapes.map(([text, glob]) => matchesGlob(text, glob)),
    [true, true, true, true, true, false, false, true],
  )
})

test('what is delivered of main is a push, and what is pushed to other branches', () => {
  const pushed = (branch: string) => event('source.pushed', { branch, before: 'c1', after: 'c2' })
  const pushes = [
    event('project.applied', { commit: 'c2', revision: 'rev_1' }),
    event('project.applied', { revision: 'rev_1' }),
    pushed('main'),
    pushed('release/1'),
  ].map(pushOf)
  const spec = { on: 'push', branch: 'release/*', paths: ['src/**', 'train.py'] } as const

  assert.deepEqual(pushes, [
    { branch: 'main', commit: 'c2', revision: 'rev_1' },
    undefined,
    undefined,
    { branch: 'release/1', commit: 'c2', before: 'c1' },
  ])
  assert.deepEqual(
    [
      isOnBranch({ ...spec, paths: [...spec.paths] }, pushes[3]!),
      isOnBranch({ on: 'push', branch: 'main' }, pushes[3]!),
      touches({ ...spec, paths: [...spec.paths] }, ['README.md']),
      touches({ ...spec, paths: [...spec.paths] }, ['README.md', 'src/a.ts']),
    ],
    [true, false, false, true],
  )
})

/** What a trigger has gathered after these versions, each `source@instant`, and when it fires. */
function after(spec: Gathering, versions: readonly string[], lastAt?: number) {
  let trigger: Parameters<typeof gathered>[0] = {
    pending: undefined,
    seenSeq: 0,
    last: lastAt === undefined ? undefined : { at: lastAt },
  }
  let nextAt: number | null | undefined
  for (const [index, version] of versions.entries()) {
    const [source, at] = version.split('@')
    const move = gathered(trigger, spec, event('data.version_added', { source }, index + 1, Number(at)))
    if (!move) continue
    trigger = { ...trigger, pending: move.pending ?? undefined, seenSeq: move.seenSeq! }
    nextAt = move.nextAt ?? nextAt
  }
  return { sources: trigger.pending?.sources ?? {}, nextAt }
}

test('new versions are gathered until any or all are there, and until it is calm', () => {
  const any: Gathering = { on: 'dataset', sources: ['a', 'b'] }
  const all: Gathering = { ...any, match: 'all' }

  assert.deepEqual(
    {
      any: after(any, ['a@5']),
      other: after(any, ['c@5']),
      half: after(all, ['a@5', 'a@6']),
      whole: after(all, ['a@5', 'b@9']),
      debounced: after({ ...all, debounce: '10ms' }, ['a@5', 'b@9', 'a@12']),
      'debounced at most ten times': after(
        { ...any, debounce: '10ms' },
        Array.from({ length: 30 }, (_, index) => `a@${index * 9}`),
      ),
      'not too often': after({ ...any, minInterval: '1s' }, ['a@5'], 100),
    },
    {
      any: { sources: { a: 1 }, nextAt: 5 },
      other: { sources: {}, nextAt: undefined },
      half: { sources: { a: 2 }, nextAt: undefined },
      whole: { sources: { a: 1, b: 2 }, nextAt: 9 },
      debounced: { sources: { a: 3, b: 2 }, nextAt: 22 },
      'debounced at most ten times': { sources: { a: 30 }, nextAt: 100 },
      'not too often': { sources: { a: 1 }, nextAt: 1_100 },
    },
  )
})

test('an event that is seen again changes nothing', () => {
  const trigger = { pending: undefined, seenSeq: 7, last: undefined }

  assert.deepEqual(gathered(trigger, { on: 'data', source: 'a' }, event('data.arrived', { source: 'a' }, 7)), undefined)
})
