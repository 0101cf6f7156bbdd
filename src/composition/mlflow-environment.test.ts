import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { mlflowEnvironment } from './mlflow-environment.ts'

const attempt = {
  id: 'att_1' as never,
  run: { id: 'run_1' as never, project: 'rain', pipeline: 'training' },
  task: 'train',
  tracking: '01ab' as never,
}

function open({ baseUrl, asksForTokens }: { baseUrl: string; asksForTokens: boolean }) {
  const log: unknown[] = []
  const environment = mlflowEnvironment({
    baseUrl: () => baseUrl,
    asksForTokens,
    taskTimeoutMs: 1_000,
    clock: manualClock(5),
    warn: () => {},
    access: {
      async createToken(token) {
        log.push(token)
        return { token: { id: 'tok_1' } as never, secret: 'secret' }
      },
      revokeToken: async id => void log.push(`revoked ${id}`),
    },
  })
  return { environment, log }
}

test('a task is told where MLflow finds this platform, its experiment and its run, with a token of its own', async () => {
  const { environment, log } = open({ baseUrl: 'http://0.0.0.0:7070', asksForTokens: true })

  const { variables, token } = await environment.open(attempt)
  await environment.close(token!.id)

  const { MLFLOW_RUN_CONTEXT, ...rest } = variables
  assert.deepEqual(
    [rest, JSON.parse(MLFLOW_RUN_CONTEXT!), log],
    [
      {
        MLFLOW_TRACKING_URI: 'http://127.0.0.1:7070',
        MLFLOW_EXPERIMENT_NAME: 'rain/training/train',
        MLFLOW_RUN_ID: '01ab',
        MLFLOW_TRACKING_TOKEN: 'secret',
      },
      { 'trainyard.tracking_run': '01ab', 'trainyard.run': 'run_1', 'trainyard.task': 'train' },
      [{ name: 'task att_1', role: 'editor', projects: ['rain'], expiresAt: 86_400_005 }, 'revoked tok_1'],
    ],
  )
})

test('a task without a tracking run is told nothing, and no token is made where none is asked for', async () => {
  const { environment, log } = open({ baseUrl: 'http://[::]:7070', asksForTokens: false })

  const { variables, token } = await environment.open(attempt)

  assert.deepEqual(
    [variables['MLFLOW_TRACKING_URI'], variables['MLFLOW_TRACKING_TOKEN'], token, log],
    ['http://[::1]:7070', undefined, undefined, []],
  )
  assert.deepEqual(await environment.open({ ...attempt, tracking: undefined }), { variables: {} })
})
