/** @file Weights that are NaN, infinite or cut off: an error for the inputs whose results are no numbers or nothing but zeros, and for no other. */
import { describe, expect, it } from 'vitest';
import { rowsByInput } from '../../src/engine/batching/input-rows.ts';
import type { Runner } from '../../src/engine/batching/runner.ts';
import { Scheduler } from '../../src/engine/batching/scheduler.ts';
import { type GgmlType, ggmlTypes, memorySource } from '../../src/gguf/index.ts';
import { Embedder, ModelError } from '../../src/index.ts';
import { f16ToF32 } from '../../src/tensor/codecs/half.ts';
import { pack } from '../kernels/graphs.ts';
import { editedBytes } from '../models/edit.ts';

const message = 'the result of an input of 1 tokens has values that are NaN or infinite';
/** A token that has a row with such a value, and one that has not. */
const [bad, good] = [21, 20];

/** Sets the first value of row `bad` of the table to a float16. */
function setFirst(bytes: Uint8Array, type: GgmlType, nEmbd: number, half: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = ((bad * nEmbd) / type.blockSize) * type.blockBytes;
  if (type === ggmlTypes.F32) view.setFloat32(at, f16ToF32(half), true);
  else view.setUint16(at, half, true);
}

describe.each(['reference', 'wasm'] as const)('with the backend %s', (backend) => {
  it.each([0x7e00, 0x7c00, 0xfc00])('a text with a token whose row has the float16 %i', async (half) => {
    const bytes = await editedBytes('bert-mean', ({ tensors }) => {
      const { type, shape, bytes } = tensors.get('token_embd.weight')!;
      setFirst(bytes, type, shape[0], half);
    });
    const embedder = await Embedder.load(memorySource(bytes, 'edited'), { backend, worker: false });
    const [fails, succeeds] = await Promise.allSettled([
      embedder.embed([[bad]]),
      embedder.embed([[good]]),
      embedder.embed([[good], [bad]], { normalize: -1 }),
    ]);
    expect(fails).toMatchObject({ status: 'rejected', reason: expect.any(ModelError) });
    expect((fails as PromiseRejectedResult).reason.message).toContain(message);
    expect(succeeds.status).toBe('fulfilled');
    await expect(embedder.embed([[good], [bad]], { normalize: -1 })).rejects.toThrow(ModelError);
    const { steps } = await embedder.trace([bad]);
    expect(steps.at(-1)!.values.some(Number.isNaN)).toBe(true);
    await embedder.dispose();
  });

  it.each(['bert-mean', 'gemma-embedding'])(
    '%s whose file ends with zeros, as where a download stopped',
    async (name) => {
      const bytes = await editedBytes(name, () => {});
      bytes.fill(0, Math.floor(0.9 * bytes.length));
      const embedder = await Embedder.load(memorySource(bytes, 'cut'), { backend, worker: false });
      const calls = [{}, { pooling: 'none' }, { normalize: -1, dimensions: 2 }, { output: ['dense'] }] as const;
      for (const options of calls) {
        await expect(embedder.embed(['a', 'b'], options)).rejects.toThrow(
          /^the vector of input 0 is nothing but zeros: so are weights in the model's file.*Get the file again/,
        );
      }
      await expect(embedder.embedChunks('a b', {})).rejects.toThrow(ModelError);
      const observer = () => {};
      expect((await embedder.embed('a', { observer })).vectors[0].every((value) => value === 0)).toBe(true);
      await embedder.dispose();
    },
  );
});

it('logits that are no numbers are not left out', async () => {
  const batch = pack([[1], [2]]);
  const [first, second] = rowsByInput(batch, Float32Array.of(1, Number.NaN, -1, 2, 0, -1), 'vocabulary');
  expect(first.values).toEqual(Float32Array.of(0, 1, 1, Number.NaN));
  expect(second.values).toEqual(Float32Array.of(0, 2));
});

it('a batch of which one row is no number fails one call', async () => {
  const runner = { run: async () => Float32Array.of(1, 2, 3, Number.POSITIVE_INFINITY), inBackground: true };
  const scheduler = new Scheduler(runner as unknown as Runner, 8);
  const submit = () => scheduler.submit({ inputs: [Int32Array.of(1)], pooling: 'mean' });
  const [first, second] = await Promise.allSettled([submit(), submit()]);
  expect(first).toMatchObject({ status: 'fulfilled', value: [{ values: Float32Array.of(1, 2) }] });
  expect(second).toMatchObject({ status: 'rejected', reason: expect.any(ModelError) });
});
