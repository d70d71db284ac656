/**
 * @file Where the bytes of weights come from: a tensor of the file, some of its rows, several tensors as one, or a transposed one.
 */
import { type GgufFile, ggmlTypes, type TensorInfo } from '../gguf/index.ts';
import type { OnDemandReads } from '../gguf/source.ts';
import type { WeightSource } from '../tensor/backend.ts';
import { codecs } from '../tensor/codecs/index.ts';

/** The bytes of a tensor, with the shape that the model gives it. */
export function sourceOf(file: GgufFile, info: TensorInfo, shape: readonly number[]): WeightSource {
  return {
    name: info.name,
    type: info.type,
    shape,
    byteLength: info.byteLength,
    read: (byteOffset, into) => file.readTensor(info, byteOffset, into),
    onDemand: file.onDemand && readsFrom(file.onDemand, info.offset),
  };
}

function readsFrom({ read, assertUnchanged }: OnDemandReads, offset: number): OnDemandReads {
  return { read: (byteOffset, into) => read(offset + byteOffset, into), assertUnchanged };
}

/** The matrix of some rows of `source`, which stay in their blocks. */
export function someRows(source: WeightSource, ids: readonly number[], name: string): WeightSource {
  const [nIn, nOut] = source.shape;
  const size = source.byteLength / nOut;
  return {
    name,
    type: source.type,
    shape: [nIn, ids.length],
    byteLength: ids.length * size,
    async read(byteOffset, into) {
      for (let done = 0; done < into.length; ) {
        const at = byteOffset + done;
        const part = into.subarray(done, done + size - (at % size));
        await source.read(ids[Math.floor(at / size)] * size + (at % size), part);
        done += part.length;
      }
    },
  };
}

/** Entries [from, from + n) of the last axis. */
export function partOf(source: WeightSource, from: number, n: number, name: string): WeightSource {
  const size = source.byteLength / source.shape[source.shape.length - 1];
  return {
    name,
    type: source.type,
    shape: [...source.shape.slice(0, -1), n],
    byteLength: n * size,
    read: (byteOffset, into) => source.read(from * size + byteOffset, into),
  };
}

/** Concatenates vectors of the same type. */
export function joined(name: string, sources: readonly WeightSource[]): WeightSource {
  const sum = (of: (source: WeightSource) => number) => sources.reduce((total, source) => total + of(source), 0);
  return {
    name,
    type: sources[0].type,
    shape: [sum((source) => source.shape[0])],
    byteLength: sum((source) => source.byteLength),
    async read(byteOffset, into) {
      let begin = 0;
      for (const source of sources) {
        const from = Math.max(byteOffset, begin);
        const to = Math.min(byteOffset + into.length, begin + source.byteLength);
        if (from < to) await source.read(from - begin, into.subarray(from - byteOffset, to - byteOffset));
        begin += source.byteLength;
      }
    },
  };
}

/** The matrix `[n, m]` of a tensor `[m, n]`, decoded to float32 when it is read. */
export function transposed(source: WeightSource): WeightSource {
  const [m, n] = source.shape;
  const read = async (): Promise<Uint8Array> => {
    const bytes = new Uint8Array(source.byteLength);
    await source.read(0, bytes);
    const values = new Float32Array(m * n);
    codecs[source.type.name].dequantize(bytes, values, m * n);
    const turned = Float32Array.from(values, (_, i) => values[(i % n) * m + Math.floor(i / n)]);
    return new Uint8Array(turned.buffer);
  };
  let whole: Promise<Uint8Array> | undefined;
  return {
    name: source.name,
    type: ggmlTypes.F32,
    shape: [n, m],
    byteLength: m * n * 4,
    async read(byteOffset, into) {
      whole ??= read();
      into.set((await whole).subarray(byteOffset, byteOffset + into.length));
      if (byteOffset + into.length === m * n * 4) whole = undefined;
    },
  };
}
