import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { loadModel } from '../../src/models/index.ts';
import { cosine, floats } from '../vectors.ts';
import { openFixture, readJson, run } from './support.ts';

interface QuantReference {
  readonly tokens: readonly number[][];
  readonly types: Readonly<Record<string, { file: string; native: string[]; dequantised: string[] }>>;
}

const { tokens, types } = readJson<QuantReference>('reference/quant.json');

describe.each([
  ['reference', () => createReferenceBackend()],
  ['wasm', () => createWasmBackend()],
] as const)('quantised weights on %s', (_, createBackend) => {
  it.each(Object.keys(types))('%s: the same answer as the weights expanded to float32', async (type) => {
    const { native, dequantised } = types[type];
    const file = await openFixture(`models/quant/bert-q-${type}.gguf`);
    const backend = await createBackend();
    const loaded = { file, backend, model: await loadModel(file, backend) };
    for (const [i, ids] of tokens.entries()) {
      const [vector] = await run(loaded, [ids]);
      const exact = floats(dequantised[i]);
      expect(1 - cosine(vector, exact)).toBeLessThan(1e-5);
      expect(1 - cosine(vector, floats(native[i]))).toBeLessThan(2 * (1 - cosine(exact, floats(native[i]))) + 1e-5);
    }
    backend.dispose();
  });
});
