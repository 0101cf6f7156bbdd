import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesBetween } from './change.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'

test('a change is named at the deepest path that holds all of it', () => {
  const before = parseProjectFile({ ...rain(), monitors: { old: { deployment: 'rain' } } })
  const next = rain()
  next.deployments = { rain: { model: 'rain', canary: { dwell: '1h' } }, second: { model: 'rain' } }
  next.pipelines!['training']!.triggers = []

  const changes = changesBetween(before, parseProjectFile(next))

  assert.deepEqual(changes, [
    { action: 'change', path: 'deployments.rain.canary.dwell', before: '10m', after: '1h' },
    {
      action: 'add',
      path: 'deployments.second',
      after: {
        model: 'rain',
        canary: {
          steps: [1, 5, 10, 25, 50],
          dwell: '10m',
          requestsMin: 1_000,
          maxDuration: '24h',
          undecided: 'promote_if_no_reject',
          slow: '100ms',
        },
      },
    },
    { action: 'remove', path: 'monitors.old', before: { deployment: 'rain', windowRows: 60, labelMaturity: 0.8 } },
    {
      action: 'change',
      path: 'pipelines.training.triggers',
      before: [{ on: 'schedule', cron: '0 6 * * *', timeZone: 'UTC' }],
      after: [],
    },
  ])
})

test('a new project is read section by section', () => {
  assert.deepEqual(
    changesBetween(undefined, parseProjectFile(rain())).map(({ action, path }) => `${action} ${path}`),
    [
      'add deployments.rain',
      'add entities.city',
      'add features.daily',
      'add labels.rain',
      'add models.rain',
      'add name',
      'add objective',
      'add pipelines.training',
      'add services.rain',
      'add sources.weather',
    ],
  )
})

test('a file differs in nothing from itself', () => {
  assert.deepEqual(changesBetween(parseProjectFile(rain()), parseProjectFile(rain())), [])
})
