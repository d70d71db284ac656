import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { cosine, floats } from '../vectors.ts';
import { type Loaded, load, readJson, run } from './support.ts';
import { expectTrace } from './trace.ts';

interface Reference {
  readonly cases: readonly { text: string; tokens: number[]; raw: string; file_f32: string }[];
}

const name = 'all-MiniLM-L6-v2-Q8_0';
const path = new URL(`../../models/${name}.gguf`, import.meta.url);

describe('all-MiniLM-L6-v2 Q8_0', () => {
  const { cases } = readJson<Reference>('reference/all-MiniLM-L6-v2.json');
  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await load(name, await openGguf(memorySource(new Uint8Array(readFileSync(path)))));
  });

  it('is the exact answer of the file, and nearer to it than llama.cpp', async () => {
    const chosen = cases.filter(({ tokens }, i) => (tokens.length < 20 && i % 4 === 0) || tokens.length === 54);
    expect(chosen.length).toBeGreaterThan(8);
    for (const { tokens, raw, file_f32 } of chosen) {
      const [vector] = await run(loaded, [tokens]);
      const exact = floats(file_f32);
      const error = 1 - cosine(vector, exact);
      expect(error).toBeLessThan(1e-6);
      expect(error).toBeLessThan(1 - cosine(floats(raw), exact));
    }
  });

  it('has the intermediates of llama.cpp, as far as 8 bit activations go', () => {
    expectTrace(loaded, name, { tolerance: 0.05 });
  });
});
