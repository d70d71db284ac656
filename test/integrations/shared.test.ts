/**
 * @file What all adapters share: loading on demand, disposal, prompts, options that are checked, signals.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder, InputError } from '../../src/index.ts';
import { TextEmbedder } from '../../src/integrations/text-embedder.ts';
import { TextReranker } from '../../src/integrations/text-reranker.ts';
import {
  bundledPath,
  embedderPath,
  load,
  loadModels,
  prompts,
  query,
  rerankerPath,
  texts,
  vectorsOf,
} from './models.ts';

let models: Awaited<ReturnType<typeof loadModels>>;
beforeAll(async () => {
  models = await loadModels();
});
afterAll(() => models?.dispose());

describe('a model that is loaded on demand', () => {
  it('is loaded once for concurrent calls, and freed by dispose', async () => {
    const finished: unknown[] = [];
    const progress = {
      ...load,
      onProgress: ({ done, total }: { done: number; total: number }) => finished.push(done === total),
    };
    const embedder = new TextEmbedder('test', embedderPath, { load: progress });
    const both = await Promise.all([embedder.embed(texts, undefined), embedder.embed(texts, undefined)]);
    expect(finished.filter(Boolean)).toHaveLength(1);
    for (const { vectors } of both) expect(vectors).toEqual(await vectorsOf(models.embedder, texts));
    await embedder.dispose();
    await embedder.dispose();
    await expect(embedder.embed(texts, undefined)).rejects.toThrow('disposed');
  });

  it('is loaded again after a load that failed', async () => {
    const bytes = await readFile(embedderPath);
    let nReads = 0;
    const source = {
      name: 'a file on a slow disk',
      size: bytes.length,
      read: async (offset: number, into: Uint8Array) => {
        nReads += 1;
        if (nReads === 1) throw new Error('the disk is away');
        into.set(bytes.subarray(offset, offset + into.length));
      },
      close: async () => {},
    };
    const embedder = new TextEmbedder('test', source, { load });
    await expect(embedder.embed(texts, undefined)).rejects.toThrow('the disk is away');
    expect((await embedder.embed(texts, undefined)).vectors).toEqual(await vectorsOf(models.embedder, texts));
    await embedder.dispose();
  });

  it('does not hold up a caller that aborts, and goes on for the others', async () => {
    const reranker = new TextReranker('test', rerankerPath, { load });
    const stop = new AbortController();
    const aborted = reranker.rank(query, texts, { signal: stop.signal });
    const other = reranker.rank(query, texts);
    stop.abort(new Error('no longer wanted'));
    await expect(aborted).rejects.toThrow('no longer wanted');
    expect(await other).toEqual(models.ranked);
    await reranker.dispose();
  });

  it('that the caller has loaded is left to the caller', async () => {
    const embedder = new TextEmbedder('test', models.embedder, {});
    await embedder.dispose();
    await expect(embedder.embed(texts, undefined)).rejects.toThrow('disposed');
    expect((await models.embedder.embed(texts)).vectors).toHaveLength(3);
  });

  it('is not loaded for no texts', async () => {
    expect(await new TextEmbedder('test', 'missing.gguf', {}).embed([], 'query')).toEqual({ vectors: [], nTokens: 0 });
    expect(await new TextReranker('test', 'missing.gguf', {}).rank(query, [])).toEqual([]);
    await expect(new TextEmbedder('test', 'missing.gguf', {}).embed(['a'], 'query')).rejects.toThrow('missing.gguf');
  });
});

describe('prompts', () => {
  it('are put before the texts of their side, and none before texts of no side', async () => {
    const embedder = new TextEmbedder('test', models.embedder, { prompts });
    for (const side of ['query', 'document'] as const) {
      expect((await embedder.embed(texts, side)).vectors).toEqual(
        await vectorsOf(models.embedder, texts, prompts[side]),
      );
    }
    expect((await embedder.embed(texts, undefined)).vectors).toEqual(await vectorsOf(models.embedder, texts));
  });

  it('are the model’s own by default, and none if they are empty', async () => {
    const overrides = { 'general.name': 'snowflake-arctic-embed-xs' };
    const known = await Embedder.load(bundledPath, { worker: false, overrides });
    const own = String(known.info.prompts.query);
    expect(own).toMatch(/^Represent this sentence/);
    const embed = async (options: object) =>
      (await new TextEmbedder('test', known, options).embed(['hello'], 'query')).vectors;
    expect(await embed({})).toEqual(await vectorsOf(known, ['hello'], own));
    expect(await embed({ prompts: { document: 'passage: ' } })).toEqual(await vectorsOf(known, ['hello'], own));
    expect(await embed({ prompts: { query: '' } })).toEqual(await vectorsOf(known, ['hello']));
    await known.dispose();
  });

  it('may go on after the texts', async () => {
    const embedder = new TextEmbedder('test', models.embedder, { prompts: { query: { prefix: 'a ', suffix: ' b' } } });
    expect((await embedder.embed(['hello'], 'query')).vectors).toEqual(await vectorsOf(models.embedder, ['a hello b']));
    const wrong = { prompts: { query: { before: 'a ' } } };
    expect(() => new TextEmbedder('test', models.embedder, wrong as never)).toThrow('prefix, suffix');
  });
});

describe('options', () => {
  it('reach the engine', async () => {
    const embedder = new TextEmbedder('test', models.embedder, { dimensions: 8, truncate: true, normalize: -1 });
    const { vectors, nTokens } = await embedder.embed(['word '.repeat(2000)], undefined);
    expect(vectors[0]).toHaveLength(8);
    expect(nTokens).toBe(models.embedder.info.nCtx);
    const raw = await new TextReranker('test', models.reranker, { scores: 'raw', topN: 1 }).rank(query, texts);
    expect(raw).toEqual((await models.reranker.rank(query, texts, { topN: 1 })).results);
  });

  it.for([
    [{ dimension: 8 }, /the options of test have no "dimension": did you mean dimensions\?/],
    [{ dimensions: 0 }, /dimensions must be an integer/],
    [{ prompts: { queries: '' } }, /prompts has no "queries": did you mean query\?/],
    [{ load: { thread: 2 } }, /load has no "thread": did you mean threads\?/],
  ] as const)('%o are refused at once', ([options, message]) => {
    expect(() => new TextEmbedder('test', 'model.gguf', options as object)).toThrow(InputError);
    expect(() => new TextEmbedder('test', 'model.gguf', options as object)).toThrow(message);
  });

  it('a model that is none is refused at once', () => {
    const model = undefined as unknown as string;
    expect(() => new TextEmbedder('test', model, {})).toThrow('the model of test must be an Embedder, a path');
    expect(() => new TextReranker('test', model, {})).toThrow('the model of test must be a Reranker, a path');
  });

  it('a pooling without one vector for each text is refused', async () => {
    const embedder = new TextEmbedder('test', models.embedder, { pooling: 'none' });
    await expect(embedder.embed(texts, undefined)).rejects.toThrow('a vector for each token with none pooling');
    const ofReranker = new TextEmbedder('test', models.reranker.embedder, {});
    await expect(ofReranker.embed(texts, undefined)).rejects.toThrow('scores with rank pooling');
  });
});
