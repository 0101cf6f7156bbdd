import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileHooks, makeBundle, openBench, type Bench } from '../../src/serving/testing.ts'
import { pythonWith } from '../mlflow/environment.ts'

/** A model server with the deployments `rain` and `plain`, and clients of others that ask it. */

const hooks = fileHooks()
let opening: Promise<Bench> | undefined

/** One for all tests of a file. The model is the sigmoid of wind − rain; its serving code adds a text and a truth value. `plain` has none. */
export const openBed = (): Promise<Bench> =>
  (opening ??= (async () => {
    const bench = await openBench(hooks, {
      doors: { deployment: 'rain', predict: '/predict', health: '/healthy', prefix: '/base', grpcPort: 0 },
    })
    await bench.deploy(
      await makeBundle(bench.blobs, {
        code: `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave'), sure: probability.map(p => p > 0.9) })`,
      }),
    )
    await bench.at('plain').deploy(await makeBundle(bench.blobs))
    return bench
  })())

/** What a script of this folder prints: one JSON value. */
export async function askWith(script: string, environment: string, ...args: readonly string[]): Promise<unknown> {
  const path = join(import.meta.dirname, script)
  const { stdout } = await promisify(execFile)(await pythonWith(environment), [path, ...args], { timeout: 120_000 })
  return JSON.parse(stdout)
}
