import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Observation } from './engine.ts'
import type { RemoteNode } from './store.ts'
import { judge, type Testimony } from './verdict.ts'
import type { NodeEnd } from './wire.ts'

const silenceMs = 30_000
const now = 1_000_000
const host = { name: 'n', platform: 'linux', cpus: 1, memoryBytes: 1, python: '3' }
const exit = { code: 0, signal: null, cause: 'succeeded', pid: 1, seconds: 1, cpuSeconds: 1, peakRssBytes: 1 }
const good: NodeEnd = { exit, wasTerminated: false }
const bad: NodeEnd = { exit: { ...exit, code: 3, cause: 'exit' }, wasTerminated: false }

const node = (heardMsAgo: number, end?: NodeEnd, rank = 0): RemoteNode => ({
  rank,
  host,
  claimedAt: 0,
  seenAt: now - heardMsAgo,
  logReceived: 0,
  end,
})
const ended: Observation = { state: 'ended', end: { code: 1, cause: 'exit' } }
const about = (observation: Observation, nodes: readonly RemoteNode[], more: Partial<Testimony> = {}) =>
  judge({ nodes, nodeCount: 1, observation, observedSince: 0, listeningSince: 0, now, ...more }, silenceMs).kind

const unknown: Observation = { state: 'unknown', because: 'away' }

test('what a node reports is believed before what the engine says', () => {
  const said = (observation: Observation, end: NodeEnd) =>
    judge({ nodes: [node(0, end)], nodeCount: 1, observation, observedSince: 0, listeningSince: 0, now }, silenceMs)
  for (const observation of [{ state: 'running' }, { state: 'absent' }, unknown, ended] as const)
    assert.deepEqual(
      [said(observation, good), said(observation, bad)],
      [
        { kind: 'reported', end: good },
        { kind: 'reported', end: bad },
      ],
    )
})

test('of several nodes the first that fails ends all; success takes all', () => {
  const two = { nodeCount: 2 }
  assert.deepEqual(
    [
      about({ state: 'running' }, [node(0, good)], two),
      about({ state: 'running' }, [node(0, good), node(0, undefined, 1)], two),
      about({ state: 'running' }, [node(0, undefined), node(0, bad, 1)], two),
      about({ state: 'running' }, [node(0, good), node(0, good, 1)], two),
    ],
    ['running', 'running', 'reported', 'reported'],
  )
})

test('an engine that does not answer says nothing, however long nobody is heard', () => {
  assert.deepEqual([about(unknown, []), about(unknown, [node(10 * silenceMs)])], ['waiting', 'running'])
})

test('a job that the engine has forgotten goes on while its node is heard', () => {
  const absent: Observation = { state: 'absent' }
  assert.deepEqual(
    [
      about(absent, [node(1_000)]),
      about(absent, [node(silenceMs + 1)]),
      about(absent, []),
      about(absent, [], { observedSince: now }),
    ],
    ['running', 'lost', 'lost', 'waiting'],
  )
})

test('a node that is not heard of is lost, but not for the time in which nobody listened', () => {
  const silent = [node(silenceMs + 1)]
  assert.deepEqual(
    [
      about({ state: 'running' }, silent),
      about({ state: 'queued' }, silent),
      about({ state: 'running' }, silent, { listeningSince: now - 1_000 }),
    ],
    ['lost', 'lost', 'running'],
  )
})

test('a job that is over for its engine is given a moment for its report', () => {
  assert.deepEqual(
    [about(ended, [node(0)], { observedSince: now - 1_000 }), about(ended, [node(0)]), about(ended, [])],
    ['running', 'ended', 'ended'],
  )
})
