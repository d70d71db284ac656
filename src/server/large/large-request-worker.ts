/**
 * @file The module that the worker for large requests runs: the same handlers, over an engine that tokenizes in the worker and
 * lets the server compute.
 */
import { isMediaInput, partsOf } from '../../engine/images/parts.ts';
import type { ContentPart, Embeddings, EmbedInput, EmbedOptions } from '../../engine/index.ts';
import { encodeInput, encodeInputs, listInputs, tokensOfPrompt } from '../../engine/inputs/inputs.ts';
import { withPrompt } from '../../engine/inputs/prompts.ts';
import { memorySource, readMetadata } from '../../gguf/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import { linkToOwner, Transferred } from '../../workers/index.ts';
import type { Engine } from '../engine.ts';
import { toHttpError } from '../errors.ts';
import { parseFields } from '../json/fields.ts';
import { bodyRoutes } from '../routes/body-routes.ts';
import { createState, withModel } from '../state.ts';
import { type LargeOwnerMethods, type LargeWorkerMethods, largeErrorClasses } from './large-request-methods.ts';
import { unpackOutputs } from './packed-outputs.ts';

type Params<Name extends keyof LargeWorkerMethods> = Parameters<LargeWorkerMethods[Name]>[0];
type Opened = Awaited<ReturnType<typeof open>>;

/** Received vectors, by request. */
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
  // The server owns the cache.
  const state = createState({ ...settings, cacheSize: 0 });
  return { metadata, info, state, tokenizer: createTokenizer(metadata) };
}

async function answer({ id, path, bytes, type }: Params<'answer'>, signal: () => AbortSignal) {
  try {
    if (opening === undefined) throw new Error('no model was opened in this worker');
    const opened = await opening;
    const body = await bodyRoutes[path]({
      state: withModel(opened.state, engineFor(id, opened)),
      client: undefined,
      fields: () => parseFields(bytes, type),
      query: () => undefined,
      param: () => undefined,
      header: () => {},
      // The server checks this when the worker asks for vectors.
      reserve: () => {},
      reserveBytes: () => {},
      countTokens: () => {},
      logTokens: (nTokens) => server.notify('logTokens', { id, nTokens }),
      signal: signal(),
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
    // The server knows the scales of requests that give none.
    lora: [],
    setLora: () => {},
  };
}

async function embed(
  id: number,
  { info, tokenizer }: Opened,
  input: EmbedInput | readonly EmbedInput[],
  { truncate, addSpecial, prompt, signal, normalize, dimensions, pairStarts, lora, output, inputType }: EmbedOptions,
): Promise<Embeddings> {
  const inputs = listInputs(input);
  const media = new Map<number, ContentPart[]>();
  // The server adds the tokens of queries and documents.
  const hasOwnTokens = info.hasInputTypes && output?.includes('multi');
  for (const [index, one] of inputs.entries()) {
    if (typeof one === 'string' && hasOwnTokens) media.set(index, [{ text: withPrompt(one, prompt) as string }]);
    if (isMediaInput(one))
      media.set(
        index,
        partsOf(withPrompt(one, prompt), `input ${index}`, index).map((part) => tokenized(tokenizer, part)),
      );
  }
  // Of inputs with images only the texts are tokenized here: the server knows how many tokens an image has.
  const texts = inputs.filter((_, index) => !media.has(index));
  const encoded = await encodeInputs(tokenizer, texts, info.nCtx, { truncate, addSpecial, prompt, signal });
  signal?.throwIfAborted();
  const all = inputs.map((_, index) => (media.has(index) ? undefined : encoded.shift()));
  const offsets = new Int32Array(all.length + 1);
  for (const [i, one] of all.entries()) offsets[i + 1] = offsets[i] + (one?.ids.length ?? 0);
  const ids = new Int32Array(offsets[all.length]);
  for (const [i, one] of all.entries()) if (one !== undefined) ids.set(one.ids, offsets[i]);
  const poolFrom = info.poolsPrompt
    ? undefined
    : inputs.map((one) => tokensOfPrompt(tokenizer, one, { prompt, addSpecial }) ?? 0);
  const vectors: Float32Array[] = [];
  arrived.set(id, vectors);
  try {
    const params = {
      id,
      ids,
      offsets,
      media,
      options: {
        normalize,
        dimensions,
        pairStarts,
        ...(poolFrom?.some((from) => from > 0) && { poolFrom }),
        addSpecial,
        lora,
        output,
        inputType,
        ...(hasOwnTokens && { truncate }),
      },
    };
    const answer = await server.request('embed', params, { transfer: [ids.buffer, offsets.buffer] });
    const truncated = all.map((one, i) => one?.truncated ?? answer.truncated[i]);
    const outputs = output === undefined ? { vectors } : unpackOutputs(vectors, output);
    return { ...answer, ...outputs, nImageTokens: answer.nTokens.map(() => 0), truncated, pooling: info.pooling };
  } finally {
    arrived.delete(id);
  }
}

/** A text as its tokens; images stay. */
function tokenized(tokenizer: Tokenizer, part: ContentPart): ContentPart {
  return 'text' in part ? { tokens: Int32Array.from(tokenizer.encode(part.text, { addSpecial: false })) } : part;
}
