import type { z } from 'zod'
import type { PickleReport } from './pickle.ts'
import { counted } from '#kernel/counted.ts'
import type { FindingWire } from './wire.ts'

export type Finding = z.output<typeof FindingWire>

/** Modules whose import by a model file has no honest use: they reach the system, the network or other code. */
const dangerousModules = new Set(
  [
    'os posix nt sys subprocess pty shutil socket ctypes runpy code codeop imp importlib pip ensurepip webbrowser',
    'asyncio multiprocessing signal threading tempfile pathlib glob fileinput urllib http ftplib smtplib telnetlib',
    'xmlrpc requests httpx aiohttp paramiko commands popen2 platform pdb bdb timeit trace profile cProfile',
    'pydoc venv zipimport pkgutil inspect marshal shelve dbm pickle _pickle cPickle dill',
  ]
    .join(' ')
    .split(' '),
)

/** Names of harmless modules that are a way to any code. */
const dangerousNames = new Set(
  [
    'eval exec compile open __import__ getattr setattr delattr globals locals vars input breakpoint execfile',
    'apply memoryview',
  ]
    .join(' ')
    .split(' ')
    .flatMap(name => [`builtins.${name}`, `__builtin__.${name}`, `__builtins__.${name}`]),
)
for (const name of [
  'operator.attrgetter',
  'operator.methodcaller',
  'operator.itemgetter',
  'functools.reduce',
  'types.CodeType',
  'types.FunctionType',
  'numpy.testing._private.utils.runstring',
  'numpy.load',
  'torch.load',
  'torch.hub.load',
  'joblib.load',
  'pandas.read_pickle',
])
  dangerousNames.add(name)

/** Modules that models of the common libraries are made of. What lies outside of them is code that must be trusted. */
const knownModules = new Set(
  [
    'numpy scipy sklearn pandas joblib xgboost lightgbm catboost torch transformers tensorflow keras statsmodels skops',
    'mlflow builtins __builtin__ copyreg copy_reg _codecs collections datetime decimal fractions functools itertools',
    'operator re types array random math uuid zoneinfo dateutil pytz typing enum dataclasses __builtins__ imblearn',
  ]
    .join(' ')
    .split(' '),
)

/** What a pickle would do that its reader should know, worst first. */
export function pickleFindings({ imports, hasHiddenImport, opcodes, broken }: PickleReport): Finding[] {
  const dangerous = imports.filter(isDangerous)
  const functions = imports.filter(name => /^(cloudpickle|dill)\b/.test(name))
  const foreign = imports.filter(
    name => !isDangerous(name) && !functions.includes(name) && !knownModules.has(rootOf(name)),
  )
  const calls = (opcodes['REDUCE'] ?? 0) + (opcodes['OBJ'] ?? 0) + (opcodes['INST'] ?? 0)
  const findings: (Finding | false)[] = [
    ...dangerous.map(name => danger(`imports ${name}`)),
    hasHiddenImport && danger('imports something whose name it hides'),
    functions.length > 0 && suspicious(`carries functions as bytecode (${functions[0]}), which run when it is used`),
    ...foreign.map(name => suspicious(`imports ${name}, of no known modelling library`)),
    broken !== undefined && suspicious(`cannot be read to its end: ${broken}`),
    calls > 0 && { severity: 'info', what: `builds ${counted(calls, 'object')} by calling what it imports` },
  ]
  return findings.filter(finding => finding !== false)
}

const danger = (what: string): Finding => ({ severity: 'danger', what })
const suspicious = (what: string): Finding => ({ severity: 'suspicious', what })

const rootOf = (name: string): string => name.slice(0, Math.max(0, name.search(/\.|$/)))
const isDangerous = (name: string): boolean => dangerousNames.has(name) || dangerousModules.has(rootOf(name))
