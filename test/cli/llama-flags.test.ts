/**
 * @file Every flag and variable of llama-server has a meaning here: an option, ignored with a reason, or refused with one.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { knownFlags } from '../../src/cli/llama-flags/known-flags.ts';
import { optionTable } from '../../src/cli/options/option-table.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';

interface LlamaFlag {
  readonly flags: readonly string[];
  readonly negative: readonly string[];
  readonly arity: number;
  readonly env: string | null;
}

const flags: LlamaFlag[] = JSON.parse(
  readFileSync(new URL('../fixtures/llama-server-flags.json', import.meta.url), 'utf8'),
);

/** The option of `serve` that a spelling belongs to. */
const optionOf = (flag: string) =>
  optionTable.find(
    (option) =>
      option.commands.includes('serve') &&
      (option.flags.includes(flag) || (option.type === 'switch' && option.off?.includes(flag))),
  );
const parse = (args: string[], env: Record<string, string> = {}) => parseOptions('serve', args, env);

const knownFlag = (flag: LlamaFlag) => knownFlags.find(({ spellings }) => spellings.includes(flag.flags[0]));
const named = (list: readonly LlamaFlag[]) =>
  list.map((flag) => [[...flag.flags, ...flag.negative].join(', '), flag] as const);

describe('each flag is an option, ignored or refused in each spelling, with as many values as in llama-server', () => {
  it.each(named(flags))('%s', (_, flag) => {
    const known = knownFlag(flag);
    const option = optionOf(flag.flags[0]);
    for (const spelling of [...flag.flags, ...flag.negative]) {
      const underscores = spelling.startsWith('--') ? `--${spelling.slice(2).replaceAll('-', '_')}` : spelling;
      for (const written of [spelling, underscores]) {
        const values = ['-7', 'x'].slice(0, flag.arity);
        if (option !== undefined) {
          expect(optionOf(spelling), spelling).toBe(option);
          expect(option.type === 'switch' ? 0 : 1).toBe(flag.arity);
          expect(() => parse([written, '1', '-m', 'a'])).not.toThrow('unknown');
        } else if (known?.refused) {
          expect(() => parse([written, ...values, '-m', 'a'])).toThrow(`${spelling} is not supported: ${known.why}`);
        } else {
          const parsed = parse([written, ...values, '-m', 'a']);
          expect(parsed.notes, written).toEqual([`${spelling} is ignored: ${known?.why}`]);
          expect(parsed.values.model).toBe('a');
          expect(parsed.positionals).toEqual([]);
        }
      }
    }
  });
});

describe('each variable does what its flag does', () => {
  it.each(named(flags.filter(({ env }) => env !== null)))('%s', (_, flag) => {
    const known = knownFlag(flag);
    const { env } = optionOf(flag.flags[0]) ?? known!;
    expect(env).toBe(flag.env);
    if (known === undefined) return;
    const set = () => parse([], { [env!]: '1' }).notes;
    if (known.refused) expect(set).toThrow(`${env} is not supported: ${known.why}`);
    else expect(set()).toEqual([`${env} is ignored: ${known.why}`]);
    if (known.refused || flag.negative.length === 0) return;
    const no = env!.replace('LLAMA_ARG_', 'LLAMA_ARG_NO_');
    expect(parse([], { [no]: '1' }).notes).toEqual([`${no} is ignored: ${known.why}`]);
  });
});

it('variables that llama-server has no longer, or never had, are named', () => {
  expect(parse([], { LLAMA_ARG_XYZZY_PLUGH: '1', LLAMA_ARG_PROT: '80', OTHER: '1' }).notes).toEqual([
    'LLAMA_ARG_PROT is ignored: no option has this name; did you mean LLAMA_ARG_PORT?',
    'LLAMA_ARG_XYZZY_PLUGH is ignored: no option has this name',
  ]);
  expect(parse([], { GGUF_EMBED_THREADS: '1', GGUF_EMBED_PRECSION: 'fast', GGUF_EMBED_NO_PACKING: '1' }).notes).toEqual(
    [
      'GGUF_EMBED_PRECSION is ignored: no option has this name; did you mean GGUF_EMBED_PRECISION?',
      'GGUF_EMBED_THREADS is ignored: no option has this name; did you mean LLAMA_ARG_THREADS?',
    ],
  );
  expect(parse([], { LLAMA_ARG_NO_SLOTS: '1', LLAMA_ARG_NO_ENDPOINT_SLOTS: '1' }).values.slots).toBe(false);
  expect(parse([], { HF_TOKEN: 'secret' }).notes).toEqual([]);
  expect(parseOptions('inspect', [], { LLAMA_ARG_XYZZY: '1' }).notes).toEqual([]);
});

it('suggestions name what has an effect', () => {
  const suggested = (flag: string) => {
    try {
      parse([flag]);
    } catch (error) {
      return /did you mean (\S+)\?/.exec((error as Error).message)?.[1];
    }
    throw new Error(`${flag} is known`);
  };
  for (const { spellings } of knownFlags) {
    for (const spelling of spellings.filter((flag) => flag.startsWith('--'))) {
      for (const typo of [`${spelling}x`, spelling.slice(0, -1), spelling.replace('--', '--x')]) {
        if (typo === '--' || knownFlags.some((flag) => flag.spellings.includes(typo)) || optionOf(typo)) continue;
        const near = suggested(typo);
        if (near !== undefined) expect(optionOf(near), `${typo}: ${near}`).toBeDefined();
      }
    }
  }
  expect(suggested('--modle')).toBe('--model');
  expect(suggested('--thread')).toBe('--threads');
});

it('flags of other programs say what to do here', () => {
  expect(() => parseOptions('convert', ['a', '--outfile', 'b.gguf'], {})).toThrow('gguf-embed convert FOLDER OUT');
  expect(() => parseOptions('embed', ['--embd-bge-small-en-default'], {})).toThrow('-hf ggml-org/bge-small-en');
  expect(() => parseOptions('embed', ['--cls-separator', '\t'], {})).toThrow('rerank');
  expect(parseOptions('tokenize', ['--verbose-prompt', '-p', 'a'], {}).values.prompt).toBe('a');
});
