/**
 * The opcodes of Python's pickle protocols 0 to 5, with the form of their argument [CPython, Lib/pickletools.py]. An
 * argument is a number of bytes, a count of lines, or a length of so many bytes before that many bytes of data.
 */

export type Argument =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly length: number }
  | { readonly kind: 'lines'; readonly count: 1 | 2 }
  | { readonly kind: 'sized'; readonly lengthBytes: 1 | 4 | 8 }

export interface Opcode {
  readonly name: string
  readonly argument: Argument
}

const none: Argument = { kind: 'none' }
const bytes = (length: number): Argument => ({ kind: 'bytes', length })
const line: Argument = { kind: 'lines', count: 1 }
const lines: Argument = { kind: 'lines', count: 2 }
const sized = (lengthBytes: 1 | 4 | 8): Argument => ({ kind: 'sized', lengthBytes })

const table: readonly (readonly [code: string | number, name: string, argument: Argument])[] = [
  ['(', 'MARK', none],
  ['.', 'STOP', none],
  ['0', 'POP', none],
  ['1', 'POP_MARK', none],
  ['2', 'DUP', none],
  ['F', 'FLOAT', line],
  ['I', 'INT', line],
  ['J', 'BININT', bytes(4)],
  ['K', 'BININT1', bytes(1)],
  ['L', 'LONG', line],
  ['M', 'BININT2', bytes(2)],
  ['N', 'NONE', none],
  ['P', 'PERSID', line],
  ['Q', 'BINPERSID', none],
  ['R', 'REDUCE', none],
  ['S', 'STRING', line],
  ['T', 'BINSTRING', sized(4)],
  ['U', 'SHORT_BINSTRING', sized(1)],
  ['V', 'UNICODE', line],
  ['X', 'BINUNICODE', sized(4)],
  ['a', 'APPEND', none],
  ['b', 'BUILD', none],
  ['c', 'GLOBAL', lines],
  ['d', 'DICT', none],
  ['}', 'EMPTY_DICT', none],
  ['e', 'APPENDS', none],
  ['g', 'GET', line],
  ['h', 'BINGET', bytes(1)],
  ['i', 'INST', lines],
  ['j', 'LONG_BINGET', bytes(4)],
  ['l', 'LIST', none],
  [']', 'EMPTY_LIST', none],
  ['o', 'OBJ', none],
  ['p', 'PUT', line],
  ['q', 'BINPUT', bytes(1)],
  ['r', 'LONG_BINPUT', bytes(4)],
  ['s', 'SETITEM', none],
  ['t', 'TUPLE', none],
  [')', 'EMPTY_TUPLE', none],
  ['u', 'SETITEMS', none],
  ['G', 'BINFLOAT', bytes(8)],
  [0x80, 'PROTO', bytes(1)],
  [0x81, 'NEWOBJ', none],
  [0x82, 'EXT1', bytes(1)],
  [0x83, 'EXT2', bytes(2)],
  [0x84, 'EXT4', bytes(4)],
  [0x85, 'TUPLE1', none],
  [0x86, 'TUPLE2', none],
  [0x87, 'TUPLE3', none],
  [0x88, 'NEWTRUE', none],
  [0x89, 'NEWFALSE', none],
  [0x8a, 'LONG1', sized(1)],
  [0x8b, 'LONG4', sized(4)],
  ['B', 'BINBYTES', sized(4)],
  ['C', 'SHORT_BINBYTES', sized(1)],
  [0x8c, 'SHORT_BINUNICODE', sized(1)],
  [0x8d, 'BINUNICODE8', sized(8)],
  [0x8e, 'BINBYTES8', sized(8)],
  [0x8f, 'EMPTY_SET', none],
  [0x90, 'ADDITEMS', none],
  [0x91, 'FROZENSET', none],
  [0x92, 'NEWOBJ_EX', none],
  [0x93, 'STACK_GLOBAL', none],
  [0x94, 'MEMOIZE', none],
  [0x95, 'FRAME', bytes(8)],
  [0x96, 'BYTEARRAY8', sized(8)],
  [0x97, 'NEXT_BUFFER', none],
  [0x98, 'READONLY_BUFFER', none],
]

export const opcodes: ReadonlyMap<number, Opcode> = new Map(
  table.map(([code, name, argument]) => [typeof code === 'number' ? code : code.charCodeAt(0), { name, argument }]),
)
