import { appendFileSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** A process of its own for one TypeScript or JavaScript function of a project. */

/** What the executor has written for it: the context of the call, and where to find the function. */
export interface FunctionCall {
  readonly module: string
  readonly name: string
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, unknown>>
  readonly metrics: string
  /** The exit code when the function returns false. */
  readonly ifFalse: number
}

const { module, name, metrics, ifFalse, ...given }: FunctionCall = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))

function metric(metricName: string, value: number, step?: number): void {
  // JSON has no word for it, and would say null.
  if (!Number.isFinite(value)) throw new RangeError(`Metric ${metricName} is ${value}; a metric is a finite number.`)
  appendFileSync(metrics, `${JSON.stringify({ name: metricName, value, step })}\n`)
}
const log = (line: string): void => void process.stdout.write(`${line}\n`)

try {
  const exports = (await import(pathToFileURL(module).href)) as Record<string, unknown>
  const task = exports[name]
  if (typeof task !== 'function')
    throw new TypeError(
      `${module} exports no function ${name}. It exports: ${Object.keys(exports).join(', ') || 'nothing'}.`,
    )
  const answer = await (task as (context: object) => unknown)({ ...given, metric, log })
  // The function has returned: what it left behind, a timer or a socket, does not keep the task going.
  process.exit(answer === false ? ifFalse : 0)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
