import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Argument } from 'commander'
import { verb } from '../command.ts'

/** Named beside the deployment, so that a wrong language is said before anything is asked. */
export const clientVerb = verb(
  'client',
  'Write a typed client of a deployment: one file without dependencies.',
  command =>
    command
      .addArgument(new Argument('<language>').choices(['typescript', 'python']))
      .argument('<deployment>')
      .option('--to <file>', 'where it is written; standard output when left out'),
  async ({ client, output, folder }, { to }, [language, deployment]) => {
    const path = `/api/v1/deployments/${encodeURIComponent(deployment!)}/client?language=${language}`
    const source = await text((await client.download(path)) as never)
    if (to === undefined) return output.result({ source }, () => [source.trimEnd()])
    const file = resolve(folder, to as string)
    await writeFile(file, source)
    output.result({ file }, () => [`${file} is a client of ${deployment}.`])
  },
)
