/**
 * @file Reads the pickles of PyTorch checkpoints without executing code. A pickle is a small program for a stack machine, and
 * this machine supports only plain data. A class or function becomes a `PickleGlobal`, and a call becomes a `PickleCall`
 * that is never made.
 */
import { ConvertError } from '../conversion-error.ts';

/** A name that Python would import. */
export class PickleGlobal {
  readonly module: string;
  readonly name: string;
  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** A call that Python would make. */
export class PickleCall {
  readonly callee: PickleGlobal;
  readonly args: readonly PickleValue[];
  constructor(callee: PickleGlobal, args: readonly PickleValue[]) {
    this.callee = callee;
    this.args = args;
  }
}

/** The id of an object outside of the pickle. */
export class PicklePersistent {
  readonly id: PickleValue;
  constructor(id: PickleValue) {
    this.id = id;
  }
}

/** Dicts are `Map`s in their order; tuples and lists are arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleCall
  | PicklePersistent;

/** Most opcodes to run; a checkpoint has about 30 for each tensor. */
const MAX_STEPS = 10_000_000;

/** Calls that create a plain container, which this machine executes. */
const containers = new Set(['collections.OrderedDict', 'builtins.dict']);

const text = new TextDecoder('utf-8');

/** The value of a pickle (protocols 0 to 5, the opcodes that PyTorch writes). @throws ConvertError with the opcode and its position */
export function readPickle(bytes: Uint8Array, file: string): PickleValue {
  return new Machine(bytes, file).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #memo = new Map<number, PickleValue>();
  /** The stacks below the open marks, and the current stack. */
  readonly #marks: PickleValue[][] = [];
  #stack: PickleValue[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
  }

  run(): PickleValue {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const at = this.#at;
      const code = this.#bytes[this.#take(1)];
      if (code === 0x2e) return this.#pop();
      const opcode = opcodes[code];
      if (opcode === undefined) {
        const shown = JSON.stringify(String.fromCharCode(code));
        throw this.#error(`the opcode ${code} (${shown}) does not occur in checkpoints`, at);
      }
      opcode(this.#ops, code);
    }
    throw this.#error(`more than ${MAX_STEPS} opcodes`, this.#at);
  }

  /** The state of the machine. */
  readonly #ops: Ops = {
    u8: () => this.#view.getUint8(this.#take(1)),
    u16: () => this.#view.getUint16(this.#take(2), true),
    i32: () => this.#view.getInt32(this.#take(4), true),
    u32: () => this.#view.getUint32(this.#take(4), true),
    u64: () => Number(this.#view.getBigUint64(this.#take(8), true)),
    f64: () => this.#view.getFloat64(this.#take(8)),
    raw: (n) => this.#bytes.subarray(this.#take(n), this.#at),
    line: () => {
      const end = this.#bytes.indexOf(10, this.#at);
      if (end < 0) throw this.#error('a line without an end', this.#at);
      const begin = this.#take(end + 1 - this.#at);
      return text.decode(this.#bytes.subarray(begin, end));
    },
    push: (value) => {
      this.#stack.push(value);
    },
    pop: () => this.#pop(),
    top: () => {
      if (this.#stack.length === 0) throw this.#error('the stack is empty', this.#at);
      return this.#stack[this.#stack.length - 1];
    },
    mark: () => {
      this.#marks.push(this.#stack);
      this.#stack = [];
    },
    sinceMark: () => {
      const items = this.#stack;
      const below = this.#marks.pop();
      if (below === undefined) throw this.#error('a mark is missing', this.#at);
      this.#stack = below;
      return items;
    },
    memo: this.#memo,
    error: (problem) => this.#error(problem, this.#at),
  };

  #pop(): PickleValue {
    if (this.#stack.length === 0) throw this.#error('the stack is empty', this.#at);
    return this.#stack.pop()!;
  }

  #take(n: number): number {
    const at = this.#at;
    if (!(n >= 0 && n <= this.#bytes.length - at)) throw this.#error('the pickle is truncated', at);
    this.#at = at + n;
    return at;
  }

  #error(problem: string, at: number): ConvertError {
    return new ConvertError(`byte ${at} of the pickle: ${problem}`, this.#file);
  }
}

interface Ops {
  u8(): number;
  u16(): number;
  i32(): number;
  u32(): number;
  u64(): number;
  f64(): number;
  raw(n: number): Uint8Array;
  line(): string;
  push(value: PickleValue): void;
  pop(): PickleValue;
  top(): PickleValue;
  mark(): void;
  sinceMark(): PickleValue[];
  readonly memo: Map<number, PickleValue>;
  error(problem: string): ConvertError;
}

type Opcode = (ops: Ops, code: number) => void;

const get = (ops: Ops, index: number) => {
  const value = ops.memo.get(index);
  if (value === undefined) throw ops.error(`the memo has no entry ${index}`);
  ops.push(value);
};

const list = (ops: Ops): PickleValue[] => {
  const target = ops.top();
  if (!Array.isArray(target)) throw ops.error('expected a list');
  return target;
};

const dict = (ops: Ops): Map<PickleValue, PickleValue> => {
  const target = ops.top();
  if (!(target instanceof Map)) throw ops.error('expected a dict');
  return target;
};

const setItems = (target: Map<PickleValue, PickleValue>, items: readonly PickleValue[]) => {
  for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
};

/** An integer of any length, two's complement, little-endian. */
const long = (bytes: Uint8Array): number | bigint => {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  if (bytes.length > 0 && bytes[bytes.length - 1] >= 0x80) value -= 1n << BigInt(8 * bytes.length);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
};

const call: Opcode = (ops) => {
  const args = ops.pop();
  const callee = ops.pop();
  if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) throw ops.error('a call of an object without a name');
  ops.push(containers.has(callee.path) && args.length === 0 ? new Map() : new PickleCall(callee, args));
};

const tuple =
  (n: number): Opcode =>
  (ops) => {
    const items: PickleValue[] = [];
    for (let i = 0; i < n; i++) items.unshift(ops.pop());
    ops.push(items);
  };

const remember = (ops: Ops, index: number) => ops.memo.set(index, ops.top());

/** The opcodes that PyTorch's writer and Python's pickler use for plain data. */
const opcodes: Readonly<Record<number, Opcode>> = {
  40: (ops) => ops.mark(), // MARK
  41: (ops) => ops.push([]), // EMPTY_TUPLE
  48: (ops) => void ops.pop(), // POP
  66: (ops) => ops.push(ops.raw(ops.u32())), // BINBYTES
  67: (ops) => ops.push(ops.raw(ops.u8())), // SHORT_BINBYTES
  71: (ops) => ops.push(ops.f64()), // BINFLOAT
  74: (ops) => ops.push(ops.i32()), // BININT
  75: (ops) => ops.push(ops.u8()), // BININT1
  77: (ops) => ops.push(ops.u16()), // BININT2
  78: (ops) => ops.push(null), // NONE
  81: (ops) => ops.push(new PicklePersistent(ops.pop())), // BINPERSID
  82: call, // REDUCE
  88: (ops) => ops.push(text.decode(ops.raw(ops.u32()))), // BINUNICODE
  93: (ops) => ops.push([]), // EMPTY_LIST
  // BUILD: sets the state of an object (`_metadata` of a state dict), which plain data does not have.
  98: (ops) => void ops.pop(),
  97: (ops) => {
    const item = ops.pop(); // APPEND
    list(ops).push(item);
  },
  99: (ops) => ops.push(new PickleGlobal(ops.line(), ops.line())), // GLOBAL
  101: (ops) => {
    const items = ops.sinceMark(); // APPENDS
    const target = list(ops);
    for (const item of items) target.push(item);
  },
  104: (ops) => get(ops, ops.u8()), // BINGET
  106: (ops) => get(ops, ops.u32()), // LONG_BINGET
  113: (ops) => void remember(ops, ops.u8()), // BINPUT
  114: (ops) => void remember(ops, ops.u32()), // LONG_BINPUT
  115: (ops) => {
    const value = ops.pop(); // SETITEM
    const key = ops.pop();
    dict(ops).set(key, value);
  },
  116: (ops) => ops.push(ops.sinceMark()), // TUPLE
  117: (ops) => {
    const items = ops.sinceMark(); // SETITEMS
    setItems(dict(ops), items);
  },
  125: (ops) => ops.push(new Map()), // EMPTY_DICT
  128: (ops) => void ops.u8(), // PROTO
  129: call, // NEWOBJ
  133: tuple(1),
  134: tuple(2),
  135: tuple(3),
  136: (ops) => ops.push(true), // NEWTRUE
  137: (ops) => ops.push(false), // NEWFALSE
  138: (ops) => ops.push(long(ops.raw(ops.u8()))), // LONG1
  140: (ops) => ops.push(text.decode(ops.raw(ops.u8()))), // SHORT_BINUNICODE
  142: (ops) => ops.push(ops.raw(ops.u64())), // BINBYTES8
  147: (ops) => {
    const [module, name] = [ops.pop(), ops.pop()].reverse(); // STACK_GLOBAL
    if (typeof module !== 'string' || typeof name !== 'string') throw ops.error('a name that is not a string');
    ops.push(new PickleGlobal(module, name));
  },
  148: (ops) => void remember(ops, ops.memo.size), // MEMOIZE
  149: (ops) => void ops.u64(), // FRAME
};
