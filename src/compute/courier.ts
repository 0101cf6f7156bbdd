import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'

/** The program that runs on nodes: `shim/courier.py`, with `shim/shim.py` in it. */

const compress = promisify(deflate)
const source = (name: string): Promise<string> => readFile(new URL(`shim/${name}.py`, import.meta.url), 'utf8')

/**
 * A command that needs nothing on its node but Python 3: it brings its own source. Some 15 KiB long, which fits in one
 * argument [execve(2): 128 KiB].
 */
export async function courierCommand(): Promise<readonly string[]> {
  // JSON's strings are Python's, too.
  const program = `SHIM = ${JSON.stringify(await source('shim'))}\n${await source('courier')}`
  const packed = (await compress(program, { level: 9 })).toString('base64')
  const bootstrap = `import base64,zlib;exec(compile(zlib.decompress(base64.b64decode('${packed}')),'courier.py','exec'))`
  return ['python3', '-I', '-c', bootstrap]
}
