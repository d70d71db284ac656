/**
 * @file The module that the worker for large requests runs: the same handlers, over an engine that tokenizes here and has
 * the server compute.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Embeddings, EmbedInput, EmbedOptions } from '../engine/index.ts';
import { encodeInput, encodeInputs, listInputs } from '../engine/inputs.ts';
import { openSource } from '../engine/source.ts';
import { openGguf } from '../gguf/index.ts';
import { createTokenizer } from '../tokenizer/index.ts';
import type { Engine } from './engine.ts';
import { HttpError, toHttpError } from './errors.ts';
import { workHandlers } from './handlers.ts';
import { parseFields } from './json-body.ts';
import type { FromLargeWorker, ToLargeWorker, WorkerData } from './large-request-protocol.ts';
import { makeHouse, makeService } from './service.ts';

/** Vectors on their way. */
interface Embedding {
  readonly vectors: Float32Array[];
  readonly resolve: (dimensions: number) => void;
  readonly reject: (error: Error) => void;
}

const { source, info, settings } = workerData as WorkerData;
const port = parentPort!;
const clients = new Map<number, AbortController>();
const embeddings = new Map<number, Embedding>();
const bytes = await openSource(source);
const { metadata } = await openGguf(bytes);
const tokenizer = createTokenizer(metadata);
await bytes.close();
// The server has the cache.
const house = makeHouse({ ...settings, cacheSize: 0 });
const utf8 = new TextEncoder();

port.on('message', (message: ToLargeWorker) => {
  switch (message.kind) {
    case 'request':
      return void answer(message);
    case 'abort':
      return clients.get(message.id)?.abort();
    case 'vectors': {
      const vectors = embeddings.get(message.id)?.vectors;
      let at = 0;
      for (const length of message.lengths) vectors?.push(message.values.subarray(at, (at += length)));
      return;
    }
    case 'embedded':
      return embeddings.get(message.id)?.resolve(message.dimensions);
    case 'embedFailed': {
      const { type, message: text, ...more } = message.error;
      return embeddings.get(message.id)?.reject(new HttpError(type, text, more));
    }
  }
});
post({ kind: 'ready' });

function post(message: FromLargeWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function answer({ id, path, bytes, type }: Extract<ToLargeWorker, { kind: 'request' }>): Promise<void> {
  const client = new AbortController();
  clients.set(id, client);
  try {
    const body = await workHandlers[path]({
      service: makeService(engineFor(id), house),
      client: undefined,
      fields: () => parseFields(bytes, type),
      query: () => undefined,
      header: () => {},
      // The server does, when it is asked for vectors.
      reserve: () => {},
      signal: client.signal,
    });
    const sent = typeof body === 'string' ? utf8.encode(body) : body;
    post({ kind: 'answer', id, bytes: sent }, [sent.buffer]);
  } catch (error) {
    const { type, message, details, headers } = toHttpError(error);
    post({ kind: 'failed', id, error: { type, message, details, headers } });
  } finally {
    clients.delete(id);
  }
}

function engineFor(id: number): Engine {
  return {
    info,
    metadata,
    tokenizer,
    nWaiting: 0,
    nWaitingTokens: 0,
    failure: undefined,
    tokenize: (input, options) => Array.from(encodeInput(tokenizer, input, 0, options)),
    detokenize: (ids) => tokenizer.decodePieces(ids),
    embed: (input, options = {}) => embed(id, input, options),
  };
}

async function embed(
  id: number,
  input: EmbedInput | readonly EmbedInput[],
  { truncate, signal, normalize, dimensions, pairStarts }: EmbedOptions,
): Promise<Embeddings> {
  const encoded = await encodeInputs(tokenizer, listInputs(input), info.nCtx, { truncate, signal });
  signal?.throwIfAborted();
  const nTokens = encoded.map(({ ids }) => ids.length);
  const offsets = new Int32Array(nTokens.length + 1);
  for (const [i, n] of nTokens.entries()) offsets[i + 1] = offsets[i] + n;
  const ids = new Int32Array(offsets[nTokens.length]);
  for (const [i, one] of encoded.entries()) ids.set(one.ids, offsets[i]);
  const vectors: Float32Array[] = [];
  try {
    const width = await new Promise<number>((resolve, reject) => {
      embeddings.set(id, { vectors, resolve, reject });
      post({ kind: 'embed', id, ids, offsets, options: { normalize, dimensions, pairStarts } }, [
        ids.buffer,
        offsets.buffer,
      ]);
    });
    const truncated = encoded.map((one) => one.truncated);
    return { vectors, dimensions: width, nTokens, truncated, pooling: info.pooling };
  } finally {
    embeddings.delete(id);
  }
}
