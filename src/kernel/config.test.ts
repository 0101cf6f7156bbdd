import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const { port, host, parallelTasks, data } = readConfig(
    { TRAINYARD_PORT: '80', TRAINYARD_HOST: '::1' },
    { port: '81' },
    { host: '0.0.0.0', parallelTasks: 7 },
  )

  assert.deepEqual({ port, host, parallelTasks, data }, { port: 81, host: '::1', parallelTasks: 7, data: '.trainyard' })
})

test('all bad settings are reported at once, with what is allowed', () => {
  assert.throws(
    () => readConfig({ TRAINYARD_PORT: 'x', TRAINYARD_TASK_TIMEOUT: 'soon' }, {}, { prot: 1 }),
    (error: { code: string; detail: { problems: { field: string }[] } }) => {
      assert.deepEqual(
        [error.code, error.detail.problems.map(problem => problem.field)],
        ['invalid', ['prot', '--port (TRAINYARD_PORT)', '--task-timeout (TRAINYARD_TASK_TIMEOUT)']],
      )
      return true
    },
  )
})
