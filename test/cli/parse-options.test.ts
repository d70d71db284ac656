import { describe, expect, it } from 'vitest';
import { knownFlags } from '../../src/cli/llama-flags/known-flags.ts';
import { optionTable } from '../../src/cli/options/option-table.ts';
import { commandNames } from '../../src/cli/options/option-types.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';

const parse = (args: string[], env: Record<string, string> = {}) => parseOptions('serve', args, env);

describe('parseOptions', () => {
  it('reads the spellings of llama.cpp', () => {
    const { values } = parse(['-m', 'a.gguf', '-ub', '64', '--ctx_size=128', '--port', '0', '--embd-normalize', '-1']);
    expect(values).toMatchObject({ model: 'a.gguf', ubatchSize: 64, ctxSize: 128, port: 0, embdNormalize: -1 });
  });

  it('takes the command line before the environment before the default', () => {
    expect(parse([]).values.port).toBe(8080);
    expect(parse([], { LLAMA_ARG_PORT: '9000' }).values.port).toBe(9000);
    expect(parse(['--port', '9001'], { LLAMA_ARG_PORT: '9000' }).values.port).toBe(9001);
  });

  it('reads switches of the environment', () => {
    for (const text of ['1', 'true', 'on', 'enabled', 'TRUE']) {
      expect(parse([], { LLAMA_ARG_RERANKING: text }).values.reranking).toBe(true);
    }
    expect(parse([], { LLAMA_ARG_RERANKING: 'off' }).values.reranking).toBe(false);
    expect(() => parse([], { LLAMA_ARG_RERANKING: 'maybe' })).toThrow(/LLAMA_ARG_RERANKING must be/);
    expect(parse([], { GGUF_EMBED_NO_PACKING: '' }).values.packing).toBe(false);
    expect(parse(['--packing'], { GGUF_EMBED_NO_PACKING: '1' }).values.packing).toBe(true);
  });

  it('takes any number below a limit where the help says so', () => {
    const models = ['-m', 'a', '-m', 'b', '--mmproj', 'c'];
    for (const option of optionTable) {
      if (!/less than 1 means|negative means/i.test(option.help)) continue;
      const { values } = parse([option.flags[0], '-7', ...models]);
      expect(values, option.name).toMatchObject({ [option.name]: -7 });
    }
  });

  it('takes the last of a repeated flag and says so', () => {
    const { values, notes } = parse(['--port', '1', '--port', '2']);
    expect(values.port).toBe(2);
    expect(notes).toEqual(['--port was given twice: the last one counts']);
    const off = parse(['--mmap', '--no-mmap', '--slots', '--slots']);
    expect(off.values).toMatchObject({ mmap: false, slots: true });
    expect(off.notes).toEqual(['--no-mmap was given after its opposite: the last one counts']);
  });

  it('names the nearest flag of an unknown one', () => {
    expect(() => parse(['--modle', 'x'])).toThrow('unknown option --modle: did you mean --model?');
    expect(() => parse(['--np', '4'])).toThrow('unknown option --np: did you mean -np?');
    expect(() => parse(['--ubatchsize', '1'])).toThrow('did you mean --ubatch-size?');
    expect(() => parse(['--xyzzyxyzzy'])).toThrow('unknown option --xyzzyxyzzy (see serve --help)');
    const embed = (flag: string) => parseOptions('embed', [flag, 'x'], {});
    expect(() => embed('--format')).toThrow(
      'unknown option --format: did you mean --embd-output-format, or --output-format, or --input-format? (see embed --help)',
    );
    expect(() => embed('--normalize')).toThrow('did you mean --embd-normalize?');
    expect(() => embed('-prompt')).toThrow('did you mean --prompt?');
    expect(() => embed('-y')).toThrow('unknown option -y (see embed --help)');
    expect(() => parse(['--ids'])).toThrow('--ids is an option of tokenize, not of serve');
  });

  it('refuses impossible values by name', () => {
    expect(() => parse(['--port', '70000'])).toThrow('--port must be an integer from 0 to 65535, not "70000"');
    expect(() => parse(['--port', ''])).toThrow('--port must be an integer');
    expect(() => parse(['--port', '1.5'])).toThrow('--port must be an integer');
    expect(() => parse(['--pooling', 'sum'])).toThrow(
      '--pooling must be one of none, mean, cls, last, rank, max, weighted-mean, mean-sqrt-len, or several of mean, cls, last, max, weighted-mean, mean-sqrt-len joined by +, not "sum"',
    );
    for (const joined of ['cls+cls', 'cls+none', 'cls+', '+']) {
      expect(() => parse(['--pooling', joined])).toThrow('--pooling must be one of none, mean');
    }
    expect(parse(['--pooling', 'cls+max']).values.pooling).toBe('cls+max');
    expect(() => parse(['--port'])).toThrow('--port needs a value');
    expect(() => parseOptions('embed', ['--truncate'], {})).toThrow('--truncate needs a value, one of no, start, end');
    expect(() => parseOptions('embed', ['--truncate', '-p', 'x'], {})).toThrow(
      '--truncate needs a value, one of no, start, end, but -p follows it',
    );
    expect(() => parse(['-t', '257'])).toThrow('-t must be an integer of at most 256, not "257"');
    expect(() => parse(['--rerank=yes'])).toThrow('--rerank takes no value');
    expect(() => parse([], { LLAMA_ARG_PORT: 'x' })).toThrow('LLAMA_ARG_PORT must be an integer');
  });

  it('names flags without effect, with or without their value', () => {
    const { values, notes } = parse(['-ngl', '99', '-fa', '--embedding', '-mg', '-1', '-m', 'x']);
    expect(values.model).toBe('x');
    expect(notes).toHaveLength(4);
    expect(notes[0]).toBe('-ngl is ignored: choose what computes with --backend');
    expect(parse([], { LLAMA_ARG_FLASH_ATTN: 'on' }).notes).toEqual([
      'LLAMA_ARG_FLASH_ATTN is ignored: attention never stores the score matrix',
    ]);
  });

  it('refuses flags whose loss would change the result', () => {
    expect(() => parse(['--control-vector', 'a.gguf'])).toThrow('--control-vector is not supported');
    const env = { LLAMA_ARG_DOCKER_REPO: 'ai/model' };
    expect(() => parse([], env)).toThrow('LLAMA_ARG_DOCKER_REPO is not supported');
    expect(parse(['--help'], env).values.help).toBe(true);
    expect(parseOptions('inspect', ['-m', 'a.gguf'], env).values.model).toBe('a.gguf');
  });

  it('keeps arguments that are no flags, and everything after --', () => {
    expect(parse(['a', '-', '--', '-x']).positionals).toEqual(['a', '-', '-x']);
  });

  it('has no spelling, name or variable twice', () => {
    for (const command of commandNames) {
      const flags = optionTable
        .filter((option) => option.commands.includes(command))
        .flatMap((option) => [...option.flags, ...(option.type === 'switch' ? (option.off ?? []) : [])]);
      // A flag of llama-server may be without effect in `serve` only.
      const known = command === 'serve' ? knownFlags.flatMap(({ spellings }) => spellings) : [];
      const spelled = [...flags, ...known];
      expect(spelled.filter((flag, i) => spelled.indexOf(flag) !== i)).toEqual([]);
    }
    const names = optionTable.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const variables = [...optionTable, ...knownFlags].flatMap(({ env }) => env ?? []);
    expect(new Set(variables).size).toBe(variables.length);
  });

  it('takes an empty value for a mistake where it means nothing, an empty variable for an unset one', () => {
    for (const flag of [
      '-m',
      '--host',
      '--api-key',
      '--api-key-file',
      '--ssl-cert-file',
      '--cors-origins',
      '--prompts',
    ]) {
      expect(() => parse([flag, '']), flag).toThrow(`${flag} is empty`);
      if (flag.startsWith('--')) expect(() => parse([`${flag}=`]), flag).toThrow(`${flag} is empty`);
    }
    for (const keys of [',', ' ', ' , ,']) expect(() => parse(['--api-key', keys])).toThrow('--api-key is empty');
    expect(() => parse([], { LLAMA_API_KEY: ',' })).toThrow('LLAMA_API_KEY is empty');
    expect(() => parseOptions('rerank', ['-q', ''], {})).toThrow('-q is empty');
    expect(() => parse(['--port', ''])).toThrow('--port must be an integer');
    expect(() => parse(['--backend', ''])).toThrow('--backend must be one of');
    expect(parse(['--api-prefix', '', '--alias', '', '--default-prompt-name', '']).values).toMatchObject({
      apiPrefix: '',
      alias: [],
      defaultPromptName: '',
    });
    expect(parseOptions('embed', ['-p', '', '--embd-separator', ''], {}).values).toMatchObject({ prompt: '' });
    const unset = Object.fromEntries([...optionTable, ...knownFlags].flatMap(({ env }) => (env ? [[env, '']] : [])));
    expect(parse([], unset)).toEqual(parse([]));
  });

  it('takes no flag for the value of another, but any text for a text', () => {
    expect(() => parse(['-m', '--port', '80'])).toThrow('-m needs a value, but --port follows it');
    expect(() => parse(['--api-key', '-v'])).toThrow('--api-key needs a value, but -v follows it');
    expect(parse(['--host=-v']).values.host).toBe('-v');
    expect(parseOptions('embed', ['-p', '--stdin'], {}).values).toMatchObject({ prompt: '--stdin', stdin: false });
  });
});
