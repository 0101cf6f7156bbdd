import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openBed } from './bed.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** What they print: an answer, and the refusal of a row. */
const uses = {
  typescript: `import { createClient, PredictionError, type Row } from './client.ts'
const client = createClient({ url: process.argv[2]! })
const row: Row = { wind: 2, rain: 1 }
const { predictions, prediction_ids } = await client.predict([row])
// @ts-expect-error -- a text is no number
const refused = await client.predict([{ wind: 'much', rain: 1 }]).catch((error: PredictionError) => [error.status, error.message])
console.log(JSON.stringify({ predictions, ids: prediction_ids.length, refused }))
`,
  python: `import json, sys
from client import Client, PredictionError
client = Client(sys.argv[1])
answer = client.predict([{"wind": 2, "rain": 1}])
try:
    client.predict([{"wind": "much", "rain": 1}])
except PredictionError as error:
    refused = [error.status, str(error)]
print(json.dumps({"predictions": answer["predictions"], "ids": len(answer["prediction_ids"]), "refused": refused}))
`,
} as const

for (const language of ['typescript', 'python'] as const)
  test(`the client in ${language} is of the deployment's types, answers, and says why not`, async t => {
    const { serving } = await openBed()
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-client-'))
    t.after(() => rm(folder, { recursive: true }))
    const isTyped = language === 'typescript'
    const [client, use] = ['client', 'use'].map(name => join(folder, `${name}.${isTyped ? 'ts' : 'py'}`)) as [
      string,
      string,
    ]
    await writeFile(client, await serving.clientSource('rain', language))
    await writeFile(use, uses[language])
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    if (isTyped) {
      const strict = [
        '--strict',
        '--noEmit',
        '--target',
        'esnext',
        '--module',
        'nodenext',
        '--allowImportingTsExtensions',
      ]
      const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
      await run(join(root, 'node_modules/.bin/tsc'), [...strict, ...types, use], { cwd: folder })
    }

    const { stdout } = await run(isTyped ? process.execPath : 'python3', [use, serving.url()])

    assert.deepEqual(JSON.parse(stdout), {
      predictions: [{ probability: Math.fround(1 / (1 + Math.exp(-1))), advice: 'take', sure: false }],
      ids: 1,
      refused: [400, 'Input wind, row 1: "much" is not a finite number of 32 bits; missing values are not accepted.'],
    })
  })
