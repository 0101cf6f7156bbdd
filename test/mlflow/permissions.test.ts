import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { createComparison } from './comparison.ts'
import { pythonWith } from './environment.ts'
import { runFlows, type Flow } from './flows.ts'
import { startMlflow, startOurs } from './servers.ts'

/** The calls of MLflow's app for basic authentication changed with 3.17: each of the two forms against its own server. */
const versions = ['3.6.0', '3.17.2']
const administrator = { name: 'admin', password: 'an administrator of tests, 1' }
/** As with ours: who has been given nothing may do nothing. */
const configuration = `[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///basic_auth.db
admin_username = ${administrator.name}
admin_password = ${administrator.password}
auth_cache_ttl_seconds = 60
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
`

suite(
  'Users and permissions are the same from ours as from MLflow with basic authentication',
  { timeout: 600_000 },
  () => {
    const comparison = createComparison()
    for (const version of versions) {
      test(`mlflow ${version}`, async t => {
        const folder = await mkdtemp(join(tmpdir(), 'trainyard-permissions-'))
        const file = join(folder, 'auth.ini')
        await writeFile(file, configuration)
        const env = { MLFLOW_AUTH_CONFIG_PATH: file, MLFLOW_FLASK_SERVER_SECRET_KEY: 'of this test' }
        const python = await pythonWith(`mlflow-${version}`)
        // The latest is done first.
        t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
        const args = ['--app-name', 'basic-auth']
        const theirs = await startMlflow({ python, folder: join(folder, 'mlflow'), env, args })
        t.after(() => theirs.stop())
        const ours = await startOurs(join(folder, 'trainyard'))
        t.after(() => ours.stop())
        await makeAdministrator(ours.url)
        const signedIn = {
          MLFLOW_TRACKING_USERNAME: administrator.name,
          MLFLOW_TRACKING_PASSWORD: administrator.password,
        }
        const run = (url: string, name: string): Promise<readonly Flow[]> =>
          runFlows({
            python,
            server: url,
            prefix: `v${version}`,
            flows: ['permissions'],
            folder: join(folder, name),
            env: signedIn,
          })
        const [expected, actual] = await Promise.all([run(theirs.url, 'theirs'), run(ours.url, 'ours')])
        comparison.compare(expected[0]!, actual[0]!)
      })
    }
    test('every declared difference is seen by some client', () => comparison.complete(['permissions']))
  },
)

/** On a loopback address whoever is at the machine may do all: also make the first administrator. */
async function makeAdministrator(url: string): Promise<void> {
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, { method, headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(await response.text())
  }
  await send('POST', 'users/create', { username: administrator.name, password: administrator.password })
  await send('PATCH', 'users/update-admin', { username: administrator.name, is_admin: true })
}
