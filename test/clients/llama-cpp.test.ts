/**
 * @file llama.cpp's own tests of its server on embedding, reranking, tokenizing, CORS, keys and the basics, unchanged, against the
 * built program. They come with the sources of the Python package llama-cpp-python. Each test must pass but those listed here, which
 * ask for what docs/compatibility.md says this program does not do.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main, model, run } from '../cli/run.ts';
import { unpackCheckout } from '../convert/support.ts';
import { exec, scratchPython } from './scratch-python.ts';

const SOURCES = 'llama-cpp-python==0.3.36';
const TESTS = 'vendor/llama.cpp/tools/server/tests';
const files = ['embedding', 'rerank', 'tokenize', 'basic', 'security'].map((name) => `unit/test_${name}.py`);

/** Tests that do not apply, by the reason. */
const excluded: Readonly<Record<string, readonly string[]>> = {
  'it generates text': [
    'unit/test_basic.py::test_server_multiple_addresses',
    'unit/test_basic.py::test_load_split_model',
    'unit/test_security.py::test_correct_api_key',
    'unit/test_security.py::test_correct_api_key_anthropic_header',
    'unit/test_security.py::test_openai_library_correct_api_key',
    'unit/test_security.py::test_local_media_file',
  ],
  'it asks for the page or the tools of llama-server': [
    'unit/test_basic.py::test_no_ui',
    'unit/test_security.py::test_access_static_assets_without_api_key',
    'unit/test_security.py::test_cors_origins_defaults_to_localhost_with_tools_enabled',
    'unit/test_security.py::test_cors_proxy_only_forwards_explicit_proxy_headers',
  ],
  'it knows the scores and the token counts of one trained model': [
    'unit/test_rerank.py::test_rerank',
    'unit/test_rerank.py::test_rerank_tei_format',
    'unit/test_rerank.py::test_rerank_usage',
  ],
};

const { folder, python, missing } = await scratchPython(
  "llama.cpp's own server tests",
  'llama-cpp-requirements.txt',
  async (python, folder) => {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', '--dest', folder];
    await exec(python, [...pip, SOURCES], { timeout: 480_000 });
    const archive = `${SOURCES.replace('==', '-')
      .replaceAll('-', '_')
      .replace(/_(?=[\d.]+$)/, '-')}.tar.gz`;
    mkdirSync(join(folder, 'sources'));
    const unpack = ['xzf', join(folder, archive), '-C', join(folder, 'sources'), '--strip-components=1'];
    await exec('tar', [...unpack, '--wildcards', `*/${TESTS}`]);
  },
);

/** A port that nobody uses now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

describe.skipIf(missing !== undefined)("llama.cpp's own server tests", () => {
  it('pass', { timeout: 600_000 }, async () => {
    // Has the vocabulary that the tests count tokens of, and a long context.
    const embedding = join(folder, 'embedding.gguf');
    expect((await run(['convert', unpackCheckout('nomic-bert'), embedding])).code).toBe(0);
    const executable = join(folder, 'llama-server');
    const standIn = new URL('llama-server.mjs', import.meta.url).pathname;
    writeFileSync(executable, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "$@"\n`, { mode: 0o755 });
    const models = {
      'bert-bge-small/ggml-model-f16.gguf': embedding,
      'jina-reranker-v1-tiny-en/ggml-model-f16.gguf': model('bert-rank'),
      '': model('llama'),
    };
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      PORT: String(await freePort()),
      LLAMA_SERVER_BIN_PATH: executable,
      GGUF_EMBED_BACKEND: 'wasm',
      MAIN: main,
      MODELS: JSON.stringify(models),
    };
    const skipped = Object.values(excluded).flatMap((tests) => tests.map((test) => `--deselect=${test}`));
    const args = [
      '-m',
      'pytest',
      '-q',
      '--tb=short',
      '--show-capture=no',
      '-p',
      'no:cacheprovider',
      ...files,
      ...skipped,
    ];
    const options = { env, cwd: join(folder, 'sources', TESTS), timeout: 580_000, maxBuffer: 1 << 26 };
    const output = await exec(python, args, options).catch((error: Error & { stdout?: string }) => error);
    expect(output, output.stdout).not.toBeInstanceOf(Error);
    const { passed } = /(?<passed>\d+) passed/.exec(output.stdout ?? '')?.groups ?? {};
    expect(Number(passed)).toBeGreaterThanOrEqual(63);
  });
});
