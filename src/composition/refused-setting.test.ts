import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '#kernel/config.ts'
import { refusedSetting } from './refused-setting.ts'

const config = readConfig({}, { database: 'postgres://me:sesame@127.0.0.1:1/rain' })
const refused = refusedSetting(config, ['database'], 'a database that answers')

test('an address where nobody answers is an error of the setting, without its password', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

  assert.throws(() => refused(error), {
    code: 'invalid',
    detail: {
      problems: [
        {
          field: '--database (TRAINYARD_DATABASE)',
          value: 'postgres://me:•••@127.0.0.1:1/rain',
          allowed: 'a database that answers: connect ECONNREFUSED 127.0.0.1:1',
        },
      ],
    },
  })
})

test('what goes wrong otherwise is not the fault of the setting', () => {
  const fault = new Error('syntax error')

  assert.throws(() => refused(fault), fault)
})
