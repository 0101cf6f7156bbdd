import type { ByteSource } from '#kernel/byte-source.ts'
import { opcodes, type Argument } from './pickle-opcode.ts'

/** What a pickle would do, found without doing it. */
export interface PickleReport {
  /** How often each opcode occurs. */
  readonly opcodes: Record<string, number>
  /** `module.name` of everything that it imports, each once, in order of its first mention. */
  readonly imports: string[]
  /** An import whose name is worked out on the stack from something else than a text. */
  readonly hasHiddenImport: boolean
  /** Why reading ended before STOP; absent when it did not. What follows such a place is not known. */
  readonly broken?: string | undefined
}

/** A value on the symbolic stack: texts, numbers and small tuples are followed, all else is a thing of some import. */
type Value = string | number | typeof mark | { readonly items: readonly Value[] } | Thing
interface Thing {
  readonly of?: string
  /** What BUILD or a dictionary gave it, where the keys are texts. */
  readonly state: Map<string, Value>
}

const mark = Symbol('mark')
const textMax = 4_096
const opcodesMax = 50_000_000
const stackMax = 1_000_000
const depthMax = 8
const thing = (of?: string): Thing => ({ ...(of !== undefined && { of }), state: new Map() })

/**
 * Reads one pickle, following its stack as far as needed to name what it imports. Raw arrays that joblib writes between
 * the opcodes are stepped over. Nothing is imported, called or built.
 */
export function readPickle(source: ByteSource): PickleReport {
  const machine = new Machine(source)
  let broken: string | undefined
  try {
    machine.run()
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    broken = error.message
  }
  return {
    opcodes: Object.fromEntries(machine.counts),
    imports: [...machine.imports],
    hasHiddenImport: machine.hasHiddenImport,
    ...(broken !== undefined && { broken }),
  }
}

class Broken extends Error {}

class Machine {
  readonly counts = new Map<string, number>()
  readonly imports = new Set<string>()
  hasHiddenImport = false
  readonly #source: ByteSource
  readonly #stack: Value[] = []
  readonly #memo = new Map<number, Value>()
  #depth = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  run(): void {
    for (let read = 0; read < opcodesMax; read++) {
      const code = this.#source.read(1)[0]
      if (code === undefined) throw new Broken('It ends without STOP.')
      const opcode = opcodes.get(code)
      if (!opcode) throw new Broken(`Byte 0x${code.toString(16).padStart(2, '0')} is no opcode.`)
      this.counts.set(opcode.name, (this.counts.get(opcode.name) ?? 0) + 1)
      if (opcode.name === 'STOP') return
      this.#step(opcode.name, this.#argument(opcode.argument))
      if (this.#stack.length > stackMax) throw new Broken('Its stack grows without end.')
    }
    throw new Broken(`It has more than ${opcodesMax} opcodes.`)
  }

  /** The argument's bytes; of long data only as much as could be a name. */
  #argument(argument: Argument): Buffer {
    if (argument.kind === 'none') return Buffer.alloc(0)
    if (argument.kind === 'bytes') return this.#exactly(argument.length)
    if (argument.kind === 'lines')
      return Buffer.concat(
        Array.from({ length: argument.count }, (_, n) =>
          Buffer.concat([this.#line(), n === 0 && argument.count === 2 ? Buffer.from('\n') : Buffer.alloc(0)]),
        ),
      )
    const length = Number(littleEndian(this.#exactly(argument.lengthBytes)))
    if (!Number.isSafeInteger(length)) throw new Broken('A length is beyond any file.')
    const kept = this.#exactly(Math.min(length, textMax))
    if (length > kept.length) this.#source.skip(length - kept.length)
    return length > textMax ? Buffer.alloc(0) : kept
  }

  #exactly(length: number): Buffer {
    const found = this.#source.read(length)
    if (found.length < length) throw new Broken('It ends inside an argument.')
    return found
  }

  #line(): Buffer {
    const bytes: number[] = []
    for (;;) {
      const byte = this.#exactly(1)[0]!
      if (byte === 10) return Buffer.from(bytes)
      if (bytes.length < textMax) bytes.push(byte)
    }
  }

  #step(name: string, argument: Buffer): void {
    const stack = this.#stack
    switch (name) {
      case 'MARK':
        stack.push(mark)
        return
      case 'POP':
        stack.pop()
        return
      case 'POP_MARK':
        this.#popMark()
        return
      case 'DUP':
        stack.push(stack.at(-1) ?? thing())
        return
      case 'GLOBAL':
      case 'INST': {
        const [module = '', attribute = ''] = argument.toString().split('\n')
        if (name === 'INST') this.#popMark()
        stack.push(thing(this.#import(module, attribute)))
        return
      }
      case 'STACK_GLOBAL': {
        const [attribute, module] = [stack.pop(), stack.pop()]
        if (typeof module === 'string' && typeof attribute === 'string')
          stack.push(thing(this.#import(module, attribute)))
        else this.#hide()
        return
      }
      case 'EXT1':
      case 'EXT2':
      case 'EXT4':
        this.#hide()
        return
      default:
        if (!this.#keep(name, argument) && !this.#literal(name, argument)) this.#build(name)
    }
  }

  /** The memo: texts that are used twice come from here. */
  #keep(name: string, argument: Buffer): boolean {
    const top = this.#stack.at(-1) ?? thing()
    if (name === 'MEMOIZE') this.#memo.set(this.#memo.size, top)
    else if (name === 'PUT') this.#memo.set(Number(argument.toString()), top)
    else if (name === 'BINPUT' || name === 'LONG_BINPUT') this.#memo.set(Number(littleEndian(argument)), top)
    else if (name === 'GET') this.#stack.push(this.#memo.get(Number(argument.toString())) ?? thing())
    else if (name === 'BINGET' || name === 'LONG_BINGET')
      this.#stack.push(this.#memo.get(Number(littleEndian(argument))) ?? thing())
    else return false
    return true
  }

  #literal(name: string, argument: Buffer): boolean {
    if (/^(SHORT_)?BIN(UNICODE8?|STRING)$|^UNICODE$/.test(name)) this.#stack.push(argument.toString())
    else if (name === 'STRING') this.#stack.push(argument.toString().replaceAll(/^['"]|['"]$/g, ''))
    else if (/^BININT[12]?$/.test(name)) this.#stack.push(Number(littleEndian(argument)))
    else if (name === 'INT' || name === 'LONG') this.#stack.push(Number.parseInt(argument.toString(), 10))
    else if (
      /^(NONE|NEWTRUE|NEWFALSE|FLOAT|BINFLOAT|LONG[14]|EMPTY_(LIST|DICT|SET)|(SHORT_)?BINBYTES8?|BYTEARRAY8|PERSID|NEXT_BUFFER)$/.test(
        name,
      )
    )
      this.#stack.push(thing())
    else if (name === 'EMPTY_TUPLE') this.#stack.push({ items: [] })
    else return false
    return true
  }

  #build(name: string): void {
    const stack = this.#stack
    switch (name) {
      case 'TUPLE':
        stack.push({ items: this.#popMark() })
        return
      case 'TUPLE1':
      case 'TUPLE2':
      case 'TUPLE3':
        stack.push({ items: stack.splice(-Number(name.at(-1))) })
        return
      case 'LIST':
      case 'DICT':
      case 'FROZENSET':
        this.#popMark()
        stack.push(thing())
        return
      case 'APPEND':
        stack.pop()
        return
      case 'APPENDS':
      case 'ADDITEMS':
        this.#popMark()
        return
      case 'SETITEM':
        this.#setItems(stack.splice(-2))
        return
      case 'SETITEMS':
        this.#setItems(this.#popMark())
        return
      case 'BINPERSID':
        stack.pop()
        stack.push(thing())
        return
      case 'OBJ': {
        const [made] = this.#popMark()
        stack.push(thing(nameOf(made)))
        return
      }
      case 'REDUCE':
      case 'NEWOBJ':
      case 'NEWOBJ_EX': {
        const made = stack.splice(name === 'NEWOBJ_EX' ? -3 : -2)
        const result = thing(nameOf(made[0]))
        result.state.set('arguments', made[1] ?? thing())
        stack.push(result)
        return
      }
      case 'BUILD':
        this.#setState(stack.pop())
    }
  }

  #setItems(pairs: readonly Value[]): void {
    const target = this.#stack.at(-1)
    if (!isThing(target)) return
    for (let n = 0; n + 1 < pairs.length; n += 2)
      if (typeof pairs[n] === 'string') target.state.set(pairs[n] as string, pairs[n + 1]!)
  }

  #setState(state: Value | undefined): void {
    const target = this.#stack.at(-1)
    if (!isThing(target)) return
    if (isThing(state)) for (const [key, value] of state.state) target.state.set(key, value)
    if (target.of?.startsWith('joblib.') && target.of.endsWith('.NumpyArrayWrapper')) this.#skipArray(target.state)
  }

  /** The array of a joblib file: a byte that counts the padding, the padding, the numbers [joblib, numpy_pickle.py]. */
  #skipArray(state: ReadonlyMap<string, Value>): void {
    const dtype = state.get('dtype')
    const code = isThing(dtype) ? dtype.state.get('arguments') : undefined
    const letters = code !== undefined && isItems(code) ? code.items[0] : undefined
    if (typeof letters === 'string' && /^[|<>=]?O\d*$/.test(letters)) return this.#nested()
    const shape = state.get('shape')
    const sizes = shape !== undefined && isItems(shape) ? shape.items : undefined
    const width = typeof letters === 'string' ? Number(/^[a-zA-Z](\d+)$/.exec(letters)?.[1]) : Number.NaN
    if (!sizes?.every(size => typeof size === 'number') || !Number.isSafeInteger(width))
      throw new Broken('An array between the opcodes has objects, or a shape that is not plain.')
    if (state.has('numpy_array_alignment_bytes')) this.#source.skip(this.#exactly(1)[0]!)
    this.#source.skip(sizes.reduce((product, size) => product * (size as number), width))
  }

  /** An array of objects is a pickle of its own in the middle of the file. */
  #nested(): void {
    const [stack, memo] = [this.#stack.splice(0), new Map(this.#memo)]
    this.#memo.clear()
    if (++this.#depth > depthMax) throw new Broken('Its pickles are nested too deep.')
    this.run()
    this.#depth--
    this.#stack.splice(0, Infinity, ...stack)
    this.#memo.clear()
    for (const [key, value] of memo) this.#memo.set(key, value)
  }

  #popMark(): Value[] {
    const at = this.#stack.lastIndexOf(mark)
    if (at < 0) throw new Broken('It closes what was not opened.')
    return this.#stack.splice(at).slice(1)
  }

  #import(module: string, attribute: string): string {
    const name = `${module}.${attribute}`
    this.imports.add(name)
    return name
  }

  #hide(): void {
    this.hasHiddenImport = true
    this.#stack.push(thing())
  }
}

const isThing = (value: Value | undefined): value is Thing => typeof value === 'object' && 'state' in value
const isItems = (value: Value): value is { readonly items: readonly Value[] } =>
  typeof value === 'object' && 'items' in value
const nameOf = (value: Value | undefined): string | undefined => (isThing(value) ? value.of : undefined)

const littleEndian = (bytes: Buffer): bigint =>
  bytes.reduceRight<bigint>((value, byte) => (value << 8n) | BigInt(byte), 0n)
