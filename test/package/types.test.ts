/**
 * @file The types of the installed package in strict projects whose settings check declarations, too: under the compiler
 * of this project, and with CI=true under the oldest one that is supported and the last one without generic arrays.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { describeInstalled, folder, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const require = createRequire(import.meta.url);
const home = join(folder, 'typed');
const older = process.env.CI === 'true' ? ['5.4', '5.6'] : [];
if (older.length === 0) console.warn('tests under older TypeScript compilers are skipped: they run with CI=true');

const compilerOf = (version: string) =>
  version === 'own'
    ? require.resolve('typescript/bin/tsc')
    : join(home, 'node_modules', `typescript-${version}`, 'bin/tsc');

const program = `
import 'gguf-embed/worker';
import { Embedder, HubError, InputError, loadTokenizer, openGguf, Reranker } from 'gguf-embed';
import type {
  ChunkOptions, DecodeOptions, EmbedChunksOptions, EmbedOptions, EncodeOptions, GpuOptions, HubOptions, ImageOptions, LoadOptions,
  LoraScale, LoraSource, ModelSource, ModelUrlsOptions, Prompt, PromptLayout, RankOptions, TokenizeOptions, TraceOptions,
} from 'gguf-embed';
const options: LoadOptions = { threads: 2, backend: 'wasm', hub: { offline: true } };
const sources: ModelSource[] = ['hf:user/repo:Q8_0', new URL('https://example.org/model.gguf'), new Uint8Array(8), new Blob([])];
const embedder: Embedder = await Embedder.load(sources[0], options);
const first: Float32Array = (await embedder.embed(['a'])).vectors[0];
const query: Prompt | undefined = embedder.info.prompts.query;
const score: number = (await (await Reranker.load('r.gguf')).rank('q', ['d'])).results[0].score;
console.log(first, query, score, InputError.name, HubError.name, loadTokenizer, openGguf);
// With exactOptionalPropertyTypes, too, an option may be undefined, which means its default.
type Unset<T> = { [K in keyof T as object extends Pick<T, K> ? K : never]-?: undefined };
export function unset(): void {
  const given = <T>(): Unset<T> => { throw new Error('never called'); };
  const each: [
    LoadOptions, EmbedOptions, RankOptions, TokenizeOptions, TraceOptions, EmbedChunksOptions, HubOptions, ModelUrlsOptions, GpuOptions,
    ImageOptions, EncodeOptions, DecodeOptions, PromptLayout, Partial<ChunkOptions>, Partial<LoraScale>, Partial<LoraSource>,
    NonNullable<LoadOptions['rope']>, NonNullable<ImageOptions['limits']>,
  ] = [
    given<LoadOptions>(), given<EmbedOptions>(), given<RankOptions>(), given<TokenizeOptions>(), given<TraceOptions>(),
    given<EmbedChunksOptions>(), given<HubOptions>(), given<ModelUrlsOptions>(), given<GpuOptions>(), given<ImageOptions>(),
    given<EncodeOptions>(), given<DecodeOptions>(), given<PromptLayout>(), given<ChunkOptions>(), given<LoraScale>(), given<LoraSource>(),
    given<NonNullable<LoadOptions['rope']>>(), given<NonNullable<ImageOptions['limits']>>(),
  ];
  console.log(each);
}
// @ts-expect-error: no such backend
await Embedder.load('model.gguf', { backend: 'cuda' });
`;

describeInstalled('the types of the installed package', () => {
  beforeAll(async () => {
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{ "name": "typed", "private": true, "type": "module" }\n');
    await writeFile(join(home, 'use.ts'), program);
    if (older.length > 0) {
      const compilers = older.map((version) => `typescript-${version}@npm:typescript@${version}`);
      await npm(home, 'install', '--prefer-offline', ...compilers);
    }
    for (const name of ['@types/node', 'undici-types']) {
      const from = dirname(require.resolve(`${name}/package.json`));
      await cp(from, join(home, 'node_modules', name), { recursive: true });
    }
  });

  describe.for(['own', ...older])('under the compiler %s', (version) => {
    it.for([
      ['Node alone', 'nodenext', { lib: ['es2022'], types: ['node'] }],
      ['a browser alone', 'nodenext', { lib: ['es2022', 'dom'], types: [] }],
      ['both, bundled', 'bundler', { lib: ['es2022', 'dom'], types: ['node'] }],
    ] as const)('compile for %s', async ([, moduleResolution, runtime]) => {
      const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext';
      const strict = {
        strict: true,
        exactOptionalPropertyTypes: true,
        verbatimModuleSyntax: true,
        noEmit: true,
        target: 'es2022',
        skipLibCheck: false,
      };
      const compilerOptions = { ...strict, module, moduleResolution, ...runtime };
      await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
      const end = await run(process.execPath, [compilerOf(version), '-p', home]);
      expect(end).toMatchObject({ stdout: '', code: 0 });
    });
  });
});
