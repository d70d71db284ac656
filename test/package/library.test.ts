/**
 * @file The installed package as a library: scripts in processes of their own, and its types in a project of their own.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { bundled, describeInstalled, folder, run, script } from './project.ts';

describeInstalled('installed from its tarball, the library', () => {
  for (const options of [{ worker: true }, { worker: false }, { threads: 2 }, { backend: 'reference' }]) {
    it(`embeds with ${JSON.stringify(options)}, and the process ends by itself`, async () => {
      const text = `
        import { Embedder } from 'gguf-embed';
        const embedder = await Embedder.load('${bundled}', ${JSON.stringify(options)});
        const { vectors, nTokens } = await embedder.embed(['a text', 'another']);
        await embedder.dispose();
        console.log(JSON.stringify({ lengths: vectors.map((vector) => vector.length), nTokens }));`;
      const { lengths, nTokens } = await script<{ lengths: number[]; nTokens: number[] }>(text);
      expect(lengths).toEqual([384, 384]);
      expect(nTokens).toEqual([4, 3]);
    });
  }

  it('gives the same bits with a worker, without one, and with two threads', async () => {
    const text = `
      import { Embedder } from 'gguf-embed';
      const all = [];
      for (const options of [{ worker: true, threads: 1 }, { worker: false }, { threads: 2 }]) {
        const embedder = await Embedder.load('${bundled}', { backend: 'wasm', ...options });
        all.push(Array.from((await embedder.embed('a text of a few words')).vectors[0]));
        await embedder.dispose();
      }
      console.log(JSON.stringify(all));`;
    const [first, ...others] = await script<number[][]>(text);
    expect(first).toHaveLength(384);
    for (const other of others) expect(other).toEqual(first);
  });

  it('reranks and tokenizes', async () => {
    const text = `
      import { loadTokenizer, Reranker } from 'gguf-embed';
      const reranker = await Reranker.load('bert-rank.gguf');
      const { results } = await reranker.rank('a question', ['one', 'two', 'three']);
      await reranker.dispose();
      const tokenizer = await loadTokenizer('${bundled}');
      console.log(JSON.stringify({ indices: results.map((r) => r.index).sort(), ids: Array.from(tokenizer.encode('hello world')) }));`;
    expect(await script(text)).toEqual({ indices: [0, 1, 2], ids: [101, 7592, 2088, 102] });
  });

  it('has types that compile in a strict project, declarations checked', async () => {
    const require = createRequire(import.meta.url);
    const types = join(folder, 'typed');
    await mkdir(join(types, 'node_modules/@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      const from = dirname(require.resolve(`${name}/package.json`));
      await cp(from, join(types, 'node_modules', name), { recursive: true });
    }
    await writeFile(
      join(types, 'use.ts'),
      `import { Embedder, InputError, type LoadOptions, loadTokenizer, openGguf, Reranker } from 'gguf-embed';
      const options: LoadOptions = { threads: 2, backend: 'wasm' };
      const embedder: Embedder = await Embedder.load('model.gguf', options);
      const first: Float32Array = (await embedder.embed(['a'])).vectors[0];
      const score: number = (await (await Reranker.load('r.gguf')).rank('q', ['d'])).results[0].score;
      console.log(first, score, InputError.name, loadTokenizer, openGguf);
      // @ts-expect-error: no such backend
      await Embedder.load('model.gguf', { backend: 'cuda' });`,
    );
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', skipLibCheck: false };
    for (const runtime of [
      { lib: ['es2022'], types: ['node'] },
      { lib: ['es2022', 'dom'], types: [] },
    ]) {
      const tsconfig = { compilerOptions: { ...compilerOptions, ...runtime }, files: ['use.ts'] };
      await writeFile(join(types, 'tsconfig.json'), JSON.stringify(tsconfig));
      const end = await run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', types]);
      expect(end).toMatchObject({ stdout: '', code: 0 });
    }
  });
});
