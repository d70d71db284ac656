import { describe, expect, it } from 'vitest';
import { cosine, floats, load, readJson, run } from './support.ts';

interface QuantReference {
  readonly tokens: readonly number[][];
  readonly types: Readonly<Record<string, { file: string; native: string[]; dequantised: string[] }>>;
}

/** One or more of each family; all types are tested one by one with their codecs. */
const chosen = ['Q8_0', 'Q4_K', 'Q2_K', 'NVFP4', 'IQ1_S', 'IQ2_XXS', 'TQ1_0', 'TQ2_0', 'Q1_0', 'Q2_0'];

const { tokens, types } = readJson<QuantReference>('reference/quant.json');

describe('quantised weights', () => {
  it.each(chosen)('%s: the same answer as the weights expanded to float32', async (type) => {
    const { native, dequantised } = types[type];
    const loaded = await load(`quant/bert-q-${type}`);
    for (const [i, ids] of tokens.entries()) {
      const [vector] = await run(loaded, [ids]);
      const exact = floats(dequantised[i]);
      expect(1 - cosine(vector, exact)).toBeLessThan(1e-5);
      expect(1 - cosine(vector, floats(native[i]))).toBeLessThan(2 * (1 - cosine(exact, floats(native[i]))) + 1e-5);
    }
  });
});
