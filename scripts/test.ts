import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { setTimeout as elapse } from 'node:timers/promises'

/**
 * `npm test`: every test of the components, of what ties them together and of who may do what, in groups of one process
 * each (test files of a group share it, which saves half a second a file), four groups at a time because they wait more
 * than they work. When a group ends, its output is shown whole if it failed. Names of groups as arguments run only those.
 */

/** What kills processes takes its time: it is a part of `npm run test:storm`. */
const storms = 'src/**/{*crash,kill}.test.ts'
/** A test that stands still is named; what stands still outside of a test ends its group. */
const [testMsMax, groupMsMax, closeMsMax] = [180_000, 600_000, 10_000]
const node = ['--test', '--test-isolation=none', `--test-timeout=${testMsMax}`]
/** Brokers take their time, in which others can work. */
const queues = 'src/serving/**/queue*.test.ts'
const of = (...components: readonly string[]): readonly string[] => [
  ...node,
  ...globSync(
    components.map(name => `src/${name}/**/*.test.ts`),
    { exclude: [storms, queues] },
  ),
]

/** The longest first, so that none is left alone at the end. */
const groups: Readonly<Record<string, readonly string[]>> = {
  serving: of('serving'),
  queues: [...node, queues],
  compute: of('compute'),
  workflow: of('workflow'),
  foundation: [
    ...of('kernel', 'storage', 'http', 'access', 'metadata', 'outbound', 'secrets', 'notifications', 'composition'),
    'src/loop.test.ts',
    'examples/*.test.ts',
  ],
  delivery: of('delivery', 'registry', 'assurance'),
  tracking: of('tracking', 'search', 'exchange'),
  data: of('data', 'features'),
  whole: [...node, 'test/*.test.ts'],
  mlflow: of('mlflow', 'traces'),
  source: of('source', 'project', 'cli'),
  monitoring: of('monitoring', 'statistics'),
  tuning: of('tuning'),
  web: ['--import', './web/tsx.ts', ...node, 'web/**/*.test.{ts,tsx}'],
}

const inGroups = new Set(
  Object.values(groups).flatMap(options => globSync(options.filter(option => option.endsWith('.test.ts')))),
)
const forgotten = globSync(['src/**/*.test.ts', 'test/*.test.ts'], { exclude: [storms] }).filter(
  path => !inGroups.has(path),
)
if (forgotten.length > 0) throw new RangeError(`No group runs ${forgotten.join(', ')}.`)

const parallel = 4
/** The second process that reads a file, and the second run, read compiled code. */
const env: NodeJS.ProcessEnv = { NODE_COMPILE_CACHE: 'node_modules/.cache/compiled', ...process.env } // oxlint-disable-line node/no-process-env -- handed on to the tests

/** Each group is a group of processes, which a signal from the terminal does not reach. */
const running = new Set<number>()
const end = (group: number): boolean => process.kill(-group, 'SIGKILL')
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const group of running) end(group)
    process.exit(1)
  })

async function run(name: string): Promise<boolean> {
  const begun = performance.now()
  const child = spawn(process.execPath, [...groups[name]!], { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true })
  const output: Buffer[] = []
  child.stdout.on('data', chunk => output.push(chunk))
  child.stderr.on('data', chunk => output.push(chunk))
  running.add(child.pid!)
  const closed = once(child, 'close').then(() => true)
  const limit = setTimeout(() => end(child.pid!), groupMsMax)
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  clearTimeout(limit)
  running.delete(child.pid!)
  // A process that a test left behind holds the output of its group.
  const alone = await Promise.race([closed, elapse(closeMsMax, false, { ref: false })])
  const wrong = signal ? `ended by ${signal}` : alone ? '' : 'left a process behind'
  const took = `${Math.round((performance.now() - begun) / 1000)} s`
  const passed = code === 0 && alone
  const text = Buffer.concat(output).toString()
  process.stdout.write(`== ${[name, took, ...(wrong ? [wrong] : [])].join(', ')}\n${passed ? summaryOf(text) : text}`)
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  return passed
}

/** Of a group that passed: how many tests it ran, and each that was skipped, with its reason. */
const summaryOf = (text: string): string =>
  text
    .split('\n')
    .flatMap(line => (/^\s*﹣|^ℹ (tests|skipped) [1-9]/.test(line) ? [`${line}\n`] : []))
    .join('')

const waiting = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(groups)
const unknown = waiting.filter(name => !(name in groups))
if (unknown.length > 0)
  throw new RangeError(`There is no group ${unknown.join(', ')}. There is: ${Object.keys(groups).join(', ')}.`)
const failed: string[] = []
await Promise.all(
  Array.from({ length: parallel }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      if (!(await run(name))) failed.push(name)
  }),
)
if (!env['TRAINYARD_TEST_POSTGRES'])
  console.log('\nStores ran on SQLite alone: TRAINYARD_TEST_POSTGRES names no server.')
console.log(failed.length > 0 ? `\nFailed: ${failed.join(', ')}` : '\nAll groups passed.')
process.exitCode = failed.length > 0 ? 1 : 0
