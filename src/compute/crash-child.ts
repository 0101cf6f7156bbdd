import { writeSync } from 'node:fs'
import { composeBench } from './testing.ts'

/** A platform in small, for executor.test.ts to kill: prints an attempt's id, then its handle, and executes it. */
const [folder, seconds] = process.argv.slice(2)
const { attempt, executor } = composeBench(folder!)
const one = await attempt(
  { run: `sleep ${seconds}; echo slept > "$TRAINYARD_OUTPUT_WORD"`, outputs: ['word'] },
  { started: async handle => void writeSync(1, `${JSON.stringify(handle)}\n`) },
)
writeSync(1, `${one.id}\n`)
await executor.execute(one)
