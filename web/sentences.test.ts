import { test } from 'node:test'
import { eventTypes, isRoutine, sentenceOf } from './sentences.ts'
import type { Event } from './wire.ts'

const event = (type: string, data: Event['data']): Event => ({
  seq: 1,
  type,
  at: 0 as Event['at'],
  project: 'rain',
  actor: 'trainyard',
  data,
})
const textOf = (type: string, data: Event['data']): string =>
  sentenceOf(event(type, data))
    .parts.map(part => (typeof part === 'string' ? part : part.text))
    .join('')

test('an event reads as a sentence', t => {
  const cases: [string, Event['data'], string][] = [
    [
      'project.applied',
      { revision: 'prv_1', number: 7, changes: ['a', 'b'] },
      'Revision #7 of the project was applied, 2 changes',
    ],
    ['source.pushed', { branch: 'main', after: 'a4f9c21e77b0' }, 'Commit a4f9c21e was pushed to main'],
    [
      'data.version_added',
      { source: 'weather', version: 'dsv_1', number: 12, rows: 2922 },
      'weather has version v12 with 2\u202f922 rows',
    ],
    [
      'workflow.run_finished',
      { run: 'run_1', pipeline: 'training', state: 'failed', error: 'No rows.' },
      'Run of training failed: No rows',
    ],
    [
      'registry.version_registered',
      { model: 'rain', version: 'mdv_1', number: 3, stage: 'rejected' },
      'Model rain v3 did not pass its gate and was rejected',
    ],
    [
      'registry.stage_changed',
      { model: 'rain', version: 'mdv_1', number: 3, from: 'staging', to: 'production', reason: 'Better.' },
      'Model rain v3 moved from staging to production: Better',
    ],
    [
      'registry.alias_moved',
      { model: 'rain', alias: 'best', to: 3, reason: 'Better.' },
      'Model rain v3 got the alias best: Better',
    ],
    [
      'registry.alias_moved',
      { model: 'rain', alias: 'best', from: 3, reason: 'Worse.' },
      'Model rain lost the alias best: Worse',
    ],
    ['registry.model_renamed', { model: 'snow', former: 'rain' }, 'Model rain is now snow'],
    [
      'delivery.rolled_out',
      { deployment: 'umbrella', version: 'mdv_1', outcome: 'rolled_back', reason: 'Errors.' },
      'The version was rolled back from umbrella: Errors',
    ],
    [
      'monitoring.drift_found',
      { deployment: 'umbrella', features: ['a', 'b', 'c', 'd'] },
      'umbrella has drifted in a, b, c and 1 more',
    ],
    [
      'monitoring.feedback_routed',
      { item: 'fbk_1', receiver: 'data_engineering' },
      'Feedback went to data engineering',
    ],
  ]
  t.assert.deepEqual(
    cases.map(([type, data]) => textOf(type, data)),
    cases.map(([, , text]) => text),
  )
})

test('a sentence links to what it speaks of', t => {
  t.assert.deepEqual(sentenceOf(event('workflow.run_started', { run: 'run_1', pipeline: 'training' })), {
    tone: 'running',
    parts: ['Run of ', { text: 'training', to: '/p/rain/runs/run_1' }, ' started'],
  })
})

test('an event of an unknown type shows its type', t => {
  t.assert.deepEqual(sentenceOf(event('somebody.else', { x: 1 })), { tone: 'none', parts: ['somebody.else'] })
})

test('an event that lacks its data still reads', t => {
  t.assert.deepEqual(
    eventTypes.filter(type => textOf(type, {}).trim() === '' || textOf(type, {}).includes('undefined')),
    [],
  )
})

test('what goes as it always goes is routine; what fails, and what a run led to, is not', t => {
  const cases: [string, Event['data']][] = [
    ['workflow.task_finished', { state: 'succeeded' }],
    ['workflow.task_finished', { state: 'failed' }],
    ['workflow.run_finished', { pipeline: 'monitor', state: 'succeeded' }],
    ['workflow.run_finished', { pipeline: 'monitor', state: 'failed' }],
    ['workflow.run_finished', { pipeline: 'training', state: 'succeeded' }],
    ['serving.deployed', {}],
  ]
  t.assert.deepEqual(
    cases.map(([type, data]) => isRoutine(event(type, data))),
    [true, false, true, false, false, false],
  )
})
