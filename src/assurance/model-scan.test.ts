import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { scanFile } from './model-scan.ts'

/** The files are made by Python's own pickle and zipfile, and by a stand-in for joblib's array wrapper. */
const makeFiles = String.raw`
import gzip, io, os, pickle, sys, types, zipfile
class Evil:
    def __reduce__(self): return (os.system, ('echo pwned',))
for p in range(6): pickle.dump(Evil(), open(f'evil{p}.pkl', 'wb'), protocol=p)
pickle.dump({'a': [1, 2.5, ('x', b'y', None, True)], 'b': {'c': 2**70}}, open('plain.pkl', 'wb'))
pickle.dump(complex(1, 2), open('complex.pkl', 'wb'))
open('hidden.pkl', 'wb').write(b'\x80\x04N\x8c\x06system\x93.')
open('second.pkl', 'wb').write(pickle.dumps(1) + pickle.dumps(Evil()))
open('memo.pkl', 'wb').write(b'\x80\x04\x8c\x02os\x94\x8c\x06system\x940' + b'0h\x00h\x01\x93.')
open('cut.pkl', 'wb').write(pickle.dumps({'key': 'x' * 100})[:40])
with zipfile.ZipFile('weights.pt', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('model/data.pkl', pickle.dumps(Evil())); z.writestr('model/data/0', b'\x00' * 99)
with gzip.open('packed.joblib', 'wb') as f: f.write(pickle.dumps(Evil()))
open('notes.txt', 'w').write('import os')
open('conda.yaml', 'w').write('channels:\n- conda-forge\ndependencies:\n- python=3.11.7\n')
pickle.dump(Evil(), open('weights.bin', 'wb'), protocol=0)
open('many.pkl', 'wb').write(pickle.dumps(1) * 65)
numpy, joblib, wrapping = (types.ModuleType(n) for n in ('numpy', 'joblib', 'joblib.numpy_pickle'))
sys.modules.update({'numpy': numpy, 'joblib': joblib, 'joblib.numpy_pickle': wrapping})
class dtype:
    def __init__(self, *a): self.a = a
    def __reduce__(self): return (dtype, self.a)
class NumpyArrayWrapper: pass
dtype.__module__, dtype.__qualname__, numpy.dtype = 'numpy', 'dtype', dtype
NumpyArrayWrapper.__module__, NumpyArrayWrapper.__qualname__ = 'joblib.numpy_pickle', 'NumpyArrayWrapper'
wrapping.NumpyArrayWrapper = NumpyArrayWrapper
def wrapped(kind, shape, raw):
    w = NumpyArrayWrapper(); w.shape, w.dtype, w.numpy_array_alignment_bytes = shape, dtype(kind, False, True), 16
    # joblib writes the array right behind the BUILD of its wrapper, in the middle of the stream.
    whole = pickle.dumps([w, Evil()], protocol=4)
    at = whole.index(b'ub', whole.index(b'numpy_array_alignment_bytes')) + 2
    body = whole[:2] + whole[11:at] + raw + whole[at:]
    return body
open('array.joblib', 'wb').write(wrapped('f8', (2, 3), b'\x05' + b'\xff' * 5 + b'.' * 48))
open('objects.joblib', 'wb').write(wrapped('O8', (1,), pickle.dumps(eval)))
`

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainyard-scan-'))
  await promisify(execFile)('python3', ['-c', makeFiles], { cwd: folder })
})
after(() => rm(folder, { recursive: true, force: true }))

const scan = (name: string) => scanFile(name, join(folder, name))
const worst = (name: string): string[] =>
  scan(name)
    .findings.filter(({ severity }) => severity !== 'info')
    .map(({ severity, what }) => `${severity}: ${what}`)

for (const protocol of [0, 1, 2, 3, 4, 5]) {
  test(`a call of the system is found in protocol ${protocol}`, () => {
    assert.deepEqual(worst(`evil${protocol}.pkl`), ['danger: imports posix.system'])
  })
}

const files: readonly (readonly [name: string, finding: readonly string[]])[] = [
  ['plain.pkl', []],
  ['complex.pkl', []],
  ['notes.txt', []],
  ['conda.yaml', []],
  ['weights.bin', ['danger: imports posix.system']],
  ['many.pkl', ['suspicious: cannot be read to its end: More than 64 pickles follow each other.']],
  ['hidden.pkl', ['danger: imports something whose name it hides']],
  ['memo.pkl', ['danger: imports os.system']],
  ['second.pkl', ['danger: imports posix.system']],
  ['cut.pkl', ['suspicious: cannot be read to its end: It ends inside an argument.']],
  ['weights.pt', ['danger: model/data.pkl imports posix.system']],
  ['packed.joblib', ['danger: imports posix.system']],
  ['array.joblib', ['danger: imports posix.system']],
  ['objects.joblib', ['danger: imports builtins.eval', 'danger: imports posix.system']],
]
for (const [name, findings] of files) {
  test(`${name}: ${findings.length === 0 ? 'nothing is found' : findings.join(', ')}`, () => {
    assert.deepEqual(worst(name), findings)
  })
}

test('the opcodes and imports of a pickle are listed', () => {
  const [pickle] = scan('evil4.pkl').pickles

  assert.deepEqual(
    [pickle!.imports, pickle!.opcodes],
    [
      ['posix.system'],
      {
        PROTO: 1,
        FRAME: 1,
        SHORT_BINUNICODE: 3,
        MEMOIZE: 6,
        STACK_GLOBAL: 1,
        TUPLE1: 1,
        REDUCE: 1,
        STOP: 1,
      },
    ],
  )
})
