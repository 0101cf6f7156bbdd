import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openPython, type PythonOptions } from '../../src/serving/server/python-runtime.ts'
import { windSignature } from '../../src/serving/server/runtime.contract.ts'
import type { Runtime } from '../../src/serving/server/runtime.ts'

/** Python models for tests: classes that need no package, run by the machine's own Python. */

const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)']).toString().trim()

export const windClass = `
import math

class Wind:
    def __init__(self, folder):
        self.folder = folder

    def predict(self, columns):
        pairs = zip(columns["wind"], columns["rain"])
        return {"probability": [1 / (1 + math.exp(rain - wind)) for wind, rain in pairs]}
`

export interface PythonModel {
  /** Of the module `wind`, which has a class `Wind`. */
  readonly code: string
  readonly options?: Partial<Omit<PythonOptions, 'worker' | 'model'>>
  readonly worker?: Partial<PythonOptions['worker']>
  readonly model?: Partial<PythonOptions['model']>
}

/** Opens a class as a model. Its folder goes when the test ends. */
export async function openClass(
  t: Pick<TestContext, 'after'>,
  { code, options, worker, model }: PythonModel,
): Promise<Runtime> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-class-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'wind.py'), code)
  return openPython({
    worker: { python, isolation: 'none', hidden: [], readable: [folder], memoryBytes: 0, ...worker },
    model: { loader: 'class', entry: 'wind:Wind', folder, signature: windSignature, ...model },
    warn: () => {},
    ...options,
  })
}
