/**
 * @file The checks that every architecture gets, against llama.cpp's recorded answers: short and long texts, each pooling that was
 * recorded, scores, single and in batches, on the backends that run everywhere (test/kernels/webgpu/models.test.ts is for the other).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import type { Pooling } from '../../src/models/index.ts';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { cosine, floats } from '../vectors.ts';
import { type Loaded, largestDifference, load, readJson, run } from './support.ts';
import { expectTrace } from './trace.ts';

interface EmbedFixture {
  readonly cases: readonly { text: string; tokens: number[]; raw?: string; per_token?: string[] }[];
  readonly pooling_override?: Record<string, { cases: readonly { text: string; raw: string }[] }>;
}

interface NoneFixture {
  readonly cases: readonly { tokens: number[]; per_token: string[] }[];
}

interface RankFixture {
  readonly queries: readonly { documents: readonly { pair_tokens: number[]; score: number }[] }[];
  readonly embedding_route: { readonly cases: readonly { text: string; values: number[] }[] };
}

/** Largest `1 − cosine` to llama.cpp's vectors: its GELU goes through a float16 table, ours does not. */
const cosineTolerance = 1e-5;
/** Largest difference of an intermediate value, relative to the largest sample of the step; likewise. */
const traceTolerance = 3e-3;

/** What to check about one model of `test/fixtures/models`. */
export interface ModelChecks {
  /** Steps that llama.cpp holds and names, but not we. */
  readonly absent?: readonly string[];
  /** Steps that we name, but not llama.cpp. */
  readonly unnamed?: readonly string[];
  /** Which fixtures there are. Default: `embed`. */
  readonly fixtures?: readonly ('embed' | 'none' | 'rank')[];
}

/** Declares the tests of one model. */
export function checkModel(name: string, checks: ModelChecks = {}): void {
  const fixtures = checks.fixtures ?? ['embed'];

  it(`${name} has the intermediates of llama.cpp`, async () => {
    expectTrace(await load(name), name, { tolerance: traceTolerance, ...checks });
  });

  describe.each([
    ['reference', createReferenceBackend],
    ['wasm', createWasmBackend],
  ] as const)(`${name} on %s`, (_, makeBackend) => {
    let loaded: Loaded;
    beforeAll(async () => {
      loaded = await load(name, undefined, () => makeBackend());
    });
    afterAll(() => loaded?.backend.dispose());

    async function expectVectors(tokens: readonly number[], expected: readonly string[], pooling?: Pooling) {
      const rows = await run(loaded, [tokens], pooling);
      expect(rows.length).toBe(expected.length);
      rows.forEach((row, i) => {
        expect(1 - cosine(row, floats(expected[i]))).toBeLessThan(cosineTolerance);
      });
    }

    if (fixtures.includes('embed')) {
      const { cases, pooling_override = {} } = readJson<EmbedFixture>(`reference/embed/${name}.json`);
      it('embeds as llama.cpp does', async () => {
        for (const { tokens, raw, per_token } of cases) await expectVectors(tokens, per_token ?? [raw ?? '']);
      });
      for (const [pooling, overridden] of Object.entries(pooling_override)) {
        it(`pools ${pooling} as llama.cpp does`, async () => {
          for (const { text, raw } of overridden.cases) {
            const tokens = cases.find((entry) => entry.text === text)?.tokens ?? [];
            await expectVectors(tokens, [raw], pooling as Pooling);
          }
        });
      }
      it('gives the same bits in a batch as alone', async () => {
        const sequences = cases
          .map(({ tokens }) => tokens)
          .filter((tokens) => tokens.length < 32)
          .slice(0, 8);
        const pooling = loaded.model.hparams.pooling === 'none' ? 'mean' : undefined;
        const batched = await run(loaded, sequences, pooling);
        for (const [i, tokens] of sequences.entries()) {
          expect(batched[i]).toEqual((await run(loaded, [tokens], pooling))[0]);
        }
      });
    }

    if (fixtures.includes('none')) {
      it('gives the vector of each token as llama.cpp does', async () => {
        const { cases } = readJson<NoneFixture>(`reference/none/${name}.json`);
        for (const { tokens, per_token } of cases) await expectVectors(tokens, per_token, 'none');
      });
    }

    if (fixtures.includes('rank')) {
      const { queries, embedding_route } = readJson<RankFixture>(`reference/rank/${name}.json`);
      const pairs = queries.flatMap(({ documents }) => documents);

      it('scores pairs as llama.cpp does', async () => {
        expect(loaded.model.hparams.pooling).toBe('rank');
        for (const { pair_tokens, score } of pairs) {
          const [scores] = await run(loaded, [pair_tokens]);
          expect(scores.length).toBe(loaded.model.hparams.nClsOut);
          expect(Math.abs(scores[0] - score)).toBeLessThan(4e-3);
        }
      });

      it('gives all outputs for single texts', async () => {
        const tokenizer = createTokenizer(loaded.file.metadata);
        for (const { text, values } of embedding_route.cases) {
          const tokens = tokenizer.encode(text, { addSpecial: true, parseSpecial: true });
          const [outputs] = await run(loaded, [tokens]);
          expect(largestDifference(outputs, Float32Array.from(values))).toBeLessThan(4e-3);
        }
      });

      it('gives the same scores in a batch as alone', async () => {
        const some = pairs.slice(0, 6).map(({ pair_tokens }) => pair_tokens);
        const batched = await run(loaded, some);
        for (const [i, pair] of some.entries()) expect(batched[i]).toEqual((await run(loaded, [pair]))[0]);
      });
    }
  });
}
