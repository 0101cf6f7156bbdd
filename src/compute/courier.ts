import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { besideCode } from '#kernel/place.ts'

/** The program that runs on nodes: `courier/`, with `shim/` in it. */

const compress = promisify(deflate)

/** The texts of a folder of Python, by the names of its modules. */
async function sourcesOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const place = besideCode(`compute/${folder}/`)
  const files = (await readdir(place)).filter(file => file.endsWith('.py')).toSorted()
  const texts = files.map(async file => [file.slice(0, -'.py'.length), await readFile(new URL(file, place), 'utf8')])
  return Object.fromEntries(await Promise.all(texts))
}

/**
 * A command that needs nothing on its node but Python 3: it brings its own source. Some 19 KiB long, which fits in one
 * argument [execve(2): 128 KiB].
 */
export async function courierCommand(): Promise<readonly string[]> {
  const [{ start, ...courier }, shim] = await Promise.all([sourcesOf('courier'), sourcesOf('shim')])
  const packed = (await compress(JSON.stringify({ start, courier, shim }), { level: 9 })).toString('base64')
  const bootstrap = `import base64,json,zlib;given=json.loads(zlib.decompress(base64.b64decode('${packed}')));exec(compile(given['start'],'start.py','exec'))`
  return ['python3', '-I', '-c', bootstrap]
}
