/**
 * @file The recorded prompts with images, and the check that every backend gets.
 */
import { expect } from 'vitest';
import { countTokens, type Pooling } from '../../../src/models/index.ts';
import { cosine, floats } from '../../vectors.ts';
import { readJson } from '../support.ts';
import { chunksOf, type Pair, prepare, runInputs } from './support.ts';

/** A prompt and what llama.cpp made of it. */
interface Case {
  readonly text: string;
  readonly images: readonly string[];
  readonly status: number;
  readonly raw: string;
  readonly per_token?: readonly string[];
  readonly prompt_tokens?: number;
  /** Limits of the tokens of an image. */
  readonly limits?: { minTokens?: number; maxTokens?: number };
}

interface FlagsFixture {
  readonly servers: readonly { extra_flags: readonly string[]; cases: readonly Case[] }[];
}

/** The cases of a pair that llama.cpp answered. */
export function recordedCases(name: string, set: Pooling | 'flags'): Case[] {
  const path = `multimodal/reference/${set}/${name}.json`;
  const cases =
    set === 'flags'
      ? readJson<FlagsFixture>(path).servers.flatMap((server) =>
          server.cases.map((entry) => ({ ...entry, limits: limitsOf(server.extra_flags) })),
        )
      : readJson<{ cases: Case[] }>(path).cases;
  return cases.filter(({ status }) => status === 200);
}

function limitsOf(flags: readonly string[]): Case['limits'] {
  const value = (flag: string) => {
    const at = flags.indexOf(flag);
    return at < 0 ? undefined : Number(flags[at + 1]);
  };
  const [minTokens, maxTokens] = [value('--image-min-tokens'), value('--image-max-tokens')];
  return { ...(minTokens && { minTokens }), ...(maxTokens && { maxTokens }) };
}

/**
 * Every case has llama.cpp's number of tokens and its vectors: cosine at least 0.9999 each, 0.99999 on average.
 */
export async function expectCases(pair: Pair, name: string, set: Pooling | 'flags'): Promise<void> {
  const cosines: number[] = [];
  for (const { text, images, limits, raw, per_token, prompt_tokens } of recordedCases(name, set)) {
    const pixels = await Promise.all(images.map((image) => prepare(image, pair.tower, limits)));
    const input = await chunksOf(pair, text, pixels);
    if (prompt_tokens !== undefined) expect(countTokens(input), text).toBe(prompt_tokens);
    const [rows] = await runInputs(pair, [input], set === 'flags' ? 'last' : set);
    const expected = per_token ?? [raw];
    expect(rows.length, text).toBe(expected.length);
    rows.forEach((row, i) => {
      const near = cosine(row, floats(expected[i]));
      expect(near, `${text} (${images})`).toBeGreaterThan(0.9999);
      cosines.push(near);
    });
  }
  expect(cosines.length).toBeGreaterThan(1);
  expect(cosines.reduce((sum, value) => sum + value, 0) / cosines.length).toBeGreaterThan(0.99999);
}
