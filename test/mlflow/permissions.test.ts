import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { basicAuth, makeAdministrator, signedIn } from './basic-auth.ts'
import { createComparison } from './comparison.ts'
import { pythonWith } from './environment.ts'
import { runFlows } from './flows.ts'
import { startMlflow, startOurs } from './servers.ts'

/** The calls of MLflow's app for basic authentication changed with 3.17: each of the two forms against its own server. */
const versions = ['3.6.0', '3.17.2']

suite(
  'Users and permissions are the same from ours as from MLflow with basic authentication',
  { timeout: 600_000 },
  () => {
    const comparison = createComparison()
    for (const version of versions) {
      test(`mlflow ${version}`, async t => {
        const folder = await mkdtemp(join(tmpdir(), 'trainyard-permissions-'))
        const python = await pythonWith(`mlflow-${version}`)
        // The latest is done first.
        t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
        const theirs = await startMlflow({ python, folder: join(folder, 'mlflow'), ...(await basicAuth(folder)) })
        t.after(() => theirs.stop())
        const ours = await startOurs(join(folder, 'trainyard'))
        t.after(() => ours.stop())
        await makeAdministrator(ours.url)
        const [expected, actual] = await runFlows({
          python,
          servers: [theirs.url, ours.url],
          prefix: `v${version}`,
          flows: ['permissions'],
          folder: join(folder, 'client'),
          env: signedIn,
        })
        comparison.compare(expected![0]!, actual![0]!)
      })
    }
    test('every declared difference is seen by some client', () => comparison.complete(['permissions']))
  },
)
