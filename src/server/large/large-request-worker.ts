/**
 * @file The module that the worker for large requests runs: the same handlers, over an engine that tokenizes here and has
 * the server compute.
 */
import type { Embeddings, EmbedInput, EmbedOptions } from '../../engine/index.ts';
import { encodeInput, encodeInputs, listInputs } from '../../engine/inputs.ts';
import { memorySource, readMetadata } from '../../gguf/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { linkToOwner, Transferred } from '../../workers/index.ts';
import type { Engine } from '../engine.ts';
import { toHttpError } from '../errors.ts';
import { parseFields } from '../json/fields.ts';
import { bodyRoutes } from '../routes/body-routes.ts';
import { createState, withModel } from '../state.ts';
import { type LargeOwnerMethods, type LargeWorkerMethods, largeErrorClasses } from './large-request-methods.ts';

type Params<Name extends keyof LargeWorkerMethods> = Parameters<LargeWorkerMethods[Name]>[0];
type Opened = Awaited<ReturnType<typeof open>>;

/** Vectors that have come, by request. */
const arrived = new Map<number, Float32Array[]>();
const utf8 = new TextEncoder();
let opening: Promise<Opened> | undefined;

const server = linkToOwner<LargeWorkerMethods, LargeOwnerMethods>(
  {
    open(params) {
      opening = open(params);
    },
    answer,
    vectors({ id, values, lengths }) {
      const vectors = arrived.get(id);
      let at = 0;
      for (const length of lengths) vectors?.push(values.subarray(at, (at += length)));
    },
  },
  largeErrorClasses,
);

async function open({ header, info, settings }: Params<'open'>) {
  const metadata = await readMetadata(memorySource(header, info.source));
  // The server has the cache.
  const state = createState({ ...settings, cacheSize: 0 });
  return { metadata, info, state, tokenizer: createTokenizer(metadata) };
}

async function answer({ id, path, bytes, type }: Params<'answer'>, signal: AbortSignal) {
  try {
    if (opening === undefined) throw new Error('no model was opened in this worker');
    const opened = await opening;
    const body = await bodyRoutes[path]({
      state: withModel(opened.state, engineFor(id, opened)),
      client: undefined,
      fields: () => parseFields(bytes, type),
      query: () => undefined,
      header: () => {},
      // The server does, when it is asked for vectors.
      reserve: () => {},
      countTokens: () => {},
      logTokens: (nTokens) => server.notify('logTokens', { id, nTokens }),
      signal,
    });
    const sent = typeof body === 'string' ? utf8.encode(body) : body;
    return new Transferred(sent, [sent.buffer]);
  } catch (error) {
    throw toHttpError(error);
  }
}

function engineFor(id: number, opened: Opened): Engine {
  const { info, metadata, tokenizer } = opened;
  return {
    info,
    metadata,
    tokenizer,
    nWaiting: 0,
    nWaitingTokens: 0,
    failure: undefined,
    tokenize: (input, options) => Array.from(encodeInput(tokenizer, input, 0, options)),
    detokenize: (ids) => tokenizer.decodePieces(ids),
    embed: (input, options = {}) => embed(id, opened, input, options),
  };
}

async function embed(
  id: number,
  { info, tokenizer }: Opened,
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
  arrived.set(id, vectors);
  try {
    const params = { id, ids, offsets, options: { normalize, dimensions, pairStarts } };
    const width = await server.request('embed', params, { transfer: [ids.buffer, offsets.buffer] });
    const truncated = encoded.map((one) => one.truncated);
    return { vectors, dimensions: width, nTokens, truncated, pooling: info.pooling };
  } finally {
    arrived.delete(id);
  }
}
