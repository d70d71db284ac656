/**
 * @file The installed package as a library: scripts in processes of their own.
 */
import { expect, it } from 'vitest';
import { bundled, describeInstalled, script } from './project.ts';

describeInstalled('installed from its tarball, the library', () => {
  for (const options of [
    { worker: true },
    { worker: false },
    { threads: 2 },
    { threads: 2, worker: true },
    { backend: 'reference' },
  ]) {
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
      for (const options of [{ worker: true, threads: 1 }, { worker: false }, { threads: 2 }, { threads: 2, worker: true }]) {
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
});
