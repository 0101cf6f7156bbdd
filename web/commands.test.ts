import { test } from 'node:test'
import { commandsOf } from './commands.ts'

const spec = {
  pipelines: {
    refresh: { tasks: { features: { uses: 'features.compute' } } },
    training: { tasks: { train: { run: 'python train.py' }, register: { uses: 'registry.register' } } },
  },
  models: { rain: {} },
  deployments: { umbrella: {} },
} as unknown as Parameters<typeof commandsOf>[0]['spec']

test('a command names what the project declares, and the server when it is not the usual one', t => {
  const usual = commandsOf({ project: 'rain', spec, server: 'http://127.0.0.1:7070' })
  const other = commandsOf({ project: 'rain', spec, server: 'http://ml:80' })
  t.assert.deepEqual(
    [usual.run('registry.register'), usual.run(), other.promote, other.predict],
    [
      'trainyard run training -p rain',
      'trainyard run refresh -p rain',
      'trainyard promote rain -p rain --server http://ml:80',
      'trainyard predict umbrella --entity <key> --server http://ml:80',
    ],
  )
})
