/**
 * @file The engine in a worker of the page, so that the page never waits for it, not even while a vocabulary is read.
 */
import { Embedder, type ModelInfo, modelUrls, type Progress, Reranker } from '../../index.ts';
import { traceTables } from '../../layout/trace-tables.ts';
import { answerCalls } from '../calls.ts';
import { EngineCounters, type SpeedNumbers } from '../speed/numbers.ts';
import { type PageInput, pieceText, type TextTrace, type Token } from './page-model.ts';

let embedder: Embedder | undefined;
const counters = new EngineCounters();

function loaded(): Embedder {
  if (embedder === undefined) throw new Error('no model is loaded');
  return embedder;
}

const methods = {
  /** The addresses of the files of a model of the hub. */
  async find({ name }: { name: string }): Promise<string[]> {
    return (await modelUrls(name)).map(({ href }) => href);
  },
  /** Loads a model, and its vision tower if it has one; notes are its progress. */
  async load(
    { source, mmproj, backend }: { source: Blob | string; mmproj?: Blob; backend?: 'reference' },
    note: (progress: Progress) => void,
  ): Promise<ModelInfo> {
    let last = 0;
    embedder = await Embedder.load(source, {
      // A script that came as a text (`file:`) cannot start more workers.
      worker: location.protocol !== 'blob:',
      mmproj,
      backend,
      onProgress(progress) {
        if (progress.done < progress.total && performance.now() - last < 100) return;
        last = performance.now();
        note(progress);
      },
      onBatch: ({ nTokens, seconds }) => counters.add(nTokens, seconds),
    });
    return embedder.info;
  },
  /** A unit vector for each input. */
  async embed({ inputs }: { inputs: readonly PageInput[] }): Promise<readonly Float32Array[]> {
    const given = inputs.map((input) => (typeof input === 'string' ? input : { image: input }));
    return (await loaded().embed(given, { truncate: true })).vectors;
  },
  /** Each step of a text, as far as the backend holds it. */
  async trace({ text }: { text: string }): Promise<TextTrace> {
    const trace = await loaded().trace([text], { truncate: true });
    const { info, tokens, pooling, vector, dimensions } = trace;
    const backend = `${info.backend}: ${info.backendDescription}`;
    return { ...traceTables(trace), tokens, backend, pooling, vector: vector.slice(0, dimensions) };
  },
  /** What was computed since the model was loaded. */
  speed(): SpeedNumbers {
    return counters.read();
  },
  /** A score for each document, in their order. */
  async rank({ query, documents }: { query: string; documents: readonly string[] }): Promise<number[]> {
    const { results } = await Reranker.from(loaded()).rank(query, documents, { truncate: true });
    return results.sort((a, b) => a.index - b.index).map(({ score }) => score);
  },
  tokenize({ text }: { text: string }): Token[] {
    const { tokenizer } = loaded();
    return loaded()
      .tokenize(text)
      .map((id) => ({ id, text: pieceText(tokenizer.piece(id)) }));
  },
};

/** The methods of the worker. */
export type EngineMethods = typeof methods;

answerCalls(methods);
