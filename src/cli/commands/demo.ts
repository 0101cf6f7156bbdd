import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { createTeller, StepFailed } from '../../demo/teller.ts'
import { tellBroken, tellStory, type Told } from '../../demo/story.ts'
import { readWeather } from '../../demo/weather.ts'
import { keepServer, patientClient } from '../../demo/world.ts'
import { TrainyardError } from '#kernel/error.ts'
import { verb } from '../command.ts'

const steps = 28

export const demoVerb = verb(
  'demo',
  'Tell the whole story on real data, steps (1) to (28) of the paper, and keep serving.',
  command =>
    command
      .option('--once', 'end after the last step')
      .option('--break', 'a column of the source goes bad instead: an incident, and no training')
      .option('--data <folder>', 'where its platform lives; emptied first', '.trainyard/demo')
      .option('--port <number>', 'port of the API and the pages; another is taken when it is in use', '7070')
      .option('--serving-port <number>', 'port of the model server', '7071'),
  async ({ output, signal, folder }, options) => {
    const started = performance.now()
    const data = resolve(folder, options['data'])
    await rm(data, { recursive: true, force: true })
    const teller = createTeller({ write: text => process.stdout.write(text), terminal: process.stdout.isTTY })
    const ports = { port: await free(Number(options['port'])), servingPort: await free(Number(options['servingPort'])) }
    const server = await keepServer({ data, ports, say: line => teller.say(line) })
    const client = patientClient(server.url)
    output.note(`A platform of its own at ${server.url}, in ${data}`)
    try {
      const world = { client, teller, weather: readWeather(), checkout: `${data}/checkout`, project: 'rain', signal }
      const told = await (options['break'] ? tellBroken(world) : tellStory(world))
      const missing = Array.from({ length: options['break'] ? 25 : steps }, (_, index) => index + 1).filter(
        number => !teller.told.has(number),
      )
      if (missing.length > 0) throw new TrainyardError('task_failed', `Steps ${missing.join(', ')} did not happen.`)
      const end: End = {
        url: server.url,
        data,
        told,
        seconds: (performance.now() - started) / 1_000,
        isOver: options['once'] === true,
      }
      for (const line of ending(end)) output.note(line)
      if (!options['once']) await interrupted(signal)
    } catch (error) {
      if (signal.aborted) return
      throw error instanceof StepFailed
        ? new TrainyardError('task_failed', error.message, { step: error.step }, { cause: error })
        : error
    } finally {
      await client.send('POST', '/api/v1/serving/stop').catch(() => {})
      await server.stop()
    }
  },
)

interface End {
  readonly url: string
  readonly data: string
  readonly told: Told
  readonly seconds: number
  /** The platform ends with the story. */
  readonly isOver: boolean
}

const ending = ({ url, data, told: { prediction, city, date }, seconds, isOver }: End): readonly string[] => [
  '',
  `The story took ${seconds.toFixed(0)} s. ${isOver ? `Its platform has ended; to look at it: npx trainyard start --data ${data}` : `The pages: ${url}`}`,
  isOver ? 'Then try:' : 'Try next:',
  ...[`status --runs`, `lineage ${prediction}`, `predict rain --entity "${city}" --at ${date}T23:59:00Z`].map(
    line => `  npx trainyard ${line}${isOver ? '' : ` --server ${url}`}`,
  ),
]

const interrupted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
}

/** The port when nobody listens there, otherwise 0: any. */
async function free(port: number): Promise<number> {
  return new Promise(done => {
    const probe = createServer()
    probe.once('error', () => done(0))
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(port)))
  })
}
