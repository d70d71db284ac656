/**
 * @file Finds the differences between two GGUF files.
 */
import { describeGguf, type GgufFile, type KeyDescription, nElements, type TensorInfo } from '../../gguf/index.ts';
import { Turn } from '../../turn.ts';
import { addErrors, type TensorError, tensorError } from './tensor-error.ts';

/** A metadata key that differs. A side without the key is absent. */
export interface KeyDifference {
  readonly key: string;
  readonly a?: KeyDescription;
  readonly b?: KeyDescription;
}

/** A tensor whose type or values differ. */
export interface TensorDifference extends TensorError {
  readonly name: string;
  /** Fastest axis first. */
  readonly shape: readonly number[];
  /** Storage types in the two files. */
  readonly types: readonly [a: string, b: string];
}

/** The combined difference of all tensors with one pair of types. */
export interface TypeDifference extends TensorError {
  readonly types: readonly [a: string, b: string];
  readonly nTensors: number;
}

/** The result of `diffFiles`. */
export interface FileDifference {
  /** The file that errors are measured against: the one with more bytes of tensors, or `a` if both have the same. */
  readonly reference: 'a' | 'b';
  readonly metadata: readonly KeyDifference[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** Tensors of one name whose shapes differ. */
  readonly shapes: readonly { readonly name: string; readonly a: readonly number[]; readonly b: readonly number[] }[];
  readonly tensors: readonly TensorDifference[];
  readonly types: readonly TypeDifference[];
  /** Number of tensors that are equal, bit for bit. */
  readonly nSame: number;
}

/** Options of `diffFiles`. */
export interface DiffOptions {
  /** Values compared, values in all, and the current tensor. */
  readonly onProgress?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
}

/** Milliseconds of work before other tasks get a turn. */
const TURN_MS = 50;

/**
 * Compares two open files.
 * @throws GgufError when one cannot be read; the signal's reason
 */
export async function diffFiles(a: GgufFile, b: GgufFile, options: DiffOptions = {}): Promise<FileDifference> {
  const bytes = (file: GgufFile) => describeGguf(file, 0).tensorBytes;
  const reference = bytes(b) > bytes(a) ? 'b' : 'a';
  const common = [...a.tensors.values()].filter(({ name }) => b.tensors.has(name));
  const shapes = common
    .map(({ name, shape }) => ({ name, a: shape, b: b.tensors.get(name)!.shape }))
    .filter((shape) => shape.a.join() !== shape.b.join());
  const comparable = common.filter(({ name }) => !shapes.some((shape) => shape.name === name));
  const tensors: TensorDifference[] = [];
  const total = comparable.reduce((sum, { shape }) => sum + nElements(shape), 0);
  let done = 0;
  const turn = new Turn(TURN_MS);
  const step = async ({ name }: TensorInfo, nValues: number) => {
    done += nValues;
    options.onProgress?.(done, total, name);
    if (turn.isOver) await turn.pass();
    options.signal?.throwIfAborted();
  };
  for (const infoA of comparable) {
    const infoB = b.tensors.get(infoA.name)!;
    const [first, second] = [
      { file: a, info: infoA },
      { file: b, info: infoB },
    ];
    const sides = reference === 'a' ? ([first, second] as const) : ([second, first] as const);
    const error = await tensorError(...sides, (nValues) => step(infoA, nValues));
    if (error === undefined) continue;
    const { name, shape, type } = infoA;
    tensors.push({ name, shape, types: [type.name, infoB.type.name], ...error });
  }
  return {
    reference,
    metadata: diffMetadata(a, b),
    onlyA: [...a.tensors.keys()].filter((name) => !b.tensors.has(name)),
    onlyB: [...b.tensors.keys()].filter((name) => !a.tensors.has(name)),
    shapes,
    tensors,
    types: byTypes(tensors),
    nSame: comparable.length - tensors.length,
  };
}

function diffMetadata(a: GgufFile, b: GgufFile): KeyDifference[] {
  const keys = (file: GgufFile) =>
    new Map(describeGguf(file, Number.POSITIVE_INFINITY).metadata.map((entry) => [entry.key, entry]));
  const [inA, inB] = [keys(a), keys(b)];
  return [...new Set([...inA.keys(), ...inB.keys()])]
    .map((key) => ({ key, a: inA.get(key), b: inB.get(key) }))
    .filter((entry) => JSON.stringify(entry.a) !== JSON.stringify(entry.b));
}

function byTypes(tensors: readonly TensorDifference[]): TypeDifference[] {
  const groups = new Map<string, TensorDifference[]>();
  for (const tensor of tensors) {
    const key = tensor.types.join();
    groups.set(key, [...(groups.get(key) ?? []), tensor]);
  }
  return Array.from(groups.values(), (group) => ({
    types: group[0].types,
    nTensors: group.length,
    ...addErrors(group),
  }));
}
