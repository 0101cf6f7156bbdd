import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import { openStage } from '../authorisation-stage.ts'
import { pythonWith } from './environment.ts'
import { quiet } from './servers.ts'
import { unserved } from './unserved.ts'

/** Every route of MLflow's own servers is served by ours, or there is a reason why not: a new one is noticed here. */

const versions = ['2.9.2', '3.6.0', '3.17.2']
const script = new URL('routes.py', import.meta.url).pathname

type Route = readonly [method: string, path: string]

/** Names of parameters are one's own, and a parameter that holds slashes is one too. */
const plain = ([method, path]: Route): string => `${method} ${path.replaceAll(/<[^>]+>|\{[^}]+\}|:\w+|\*/g, '{}')}`

async function routesOf(version: string): Promise<readonly Route[]> {
  // oxlint-disable-next-line node/no-process-env -- a child process inherits the machine's environment
  const options = { env: { ...process.env, ...quiet }, maxBuffer: 1 << 26 }
  const { stdout } = await promisify(execFile)(await pythonWith(`mlflow-${version}`), [script], options)
  return JSON.parse(stdout) as readonly Route[]
}

function begins(path: string, start: string): boolean {
  const below = path.replace(/^\/(?:ajax-)?api\//, '')
  const exact = start.endsWith('$') ? start.slice(0, -1) : undefined
  return [path, below].some(one => (exact === undefined ? one.startsWith(start) : one === exact))
}

suite("the routes of MLflow's own server", { timeout: 400_000 }, () => {
  const met = new Set<string>()
  for (const version of versions)
    test(`of ${version} are served, or it is said why not`, async t => {
      const { routes } = await openStage(t)
      const served = new Set(
        routes.filter(({ config }) => config.may !== 'nothing').map(({ method, url }) => plain([method, url])),
      )
      const wrong = []
      for (const route of await routesOf(version)) {
        const reason = unserved.find(({ paths }) => paths.some(start => begins(route[1], start)))
        const isHere = served.has(plain(route))
        if (isHere === (reason !== undefined)) wrong.push([...route, reason?.reason ?? 'no reason'])
        for (const start of reason?.paths.filter(each => begins(route[1], each)) ?? []) met.add(start)
      }
      assert.deepEqual(wrong, [])
    })

  test('every reason is about some route', () => {
    assert.deepEqual(
      unserved.flatMap(({ paths }) => paths).filter(path => !met.has(path)),
      [],
    )
  })
})
