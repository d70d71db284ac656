/**
 * @file The API of Hugging Face's text-embeddings-inference (TEI): POST /embed, POST /embed_sparse and GET /info. Its /rerank is in `rerank.ts`.
 */
import type { ModelInfo } from '../../engine/index.ts';
import { Turn } from '../../turn.ts';
import { HttpError } from '../errors.ts';
import { JsonWriter } from '../json/writer.ts';
import type { BodyContext, RequestContext } from '../request.ts';
import { teiEmbedBody, teiEmbedSparseBody } from '../schema/adapter-bodies.ts';
import { checkBody } from '../schema/bodies.ts';
import { embedFields, refuseTokenVectors, writeVectors } from './embeddings.ts';

/**
 * Answers POST /embed: a list of vectors.
 * @throws HttpError, InputError, the signal's reason
 */
export async function teiEmbed(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  refuseTokenVectors(context);
  const { inputs, normalize, ...others } = checkBody(teiEmbedBody, await context.fields());
  const { result } = await embedFields(context, { ...others, input: inputs, embd_normalize: normalize ? 2 : -1 });
  const json = new JsonWriter();
  await writeVectors(json, result);
  return json.finish();
}

/**
 * Answers POST /embed_sparse: for each input, the tokens with a weight.
 * @throws HttpError (501 for a model without sparse vectors), InputError, the signal's reason
 */
export async function teiEmbedSparse(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  const { info } = context.state.engine;
  const { inputs, ...others } = checkBody(teiEmbedSparseBody, await context.fields());
  if (!info.outputs.includes('sparse')) {
    throw new HttpError('not_supported_error', `${info.name} has no sparse vectors`);
  }
  const { result } = await embedFields(context, { ...others, input: inputs, output: ['sparse'] });
  const turn = new Turn();
  const json = new JsonWriter().raw('[');
  for (const [i, { indices, values }] of (result.sparse ?? []).entries()) {
    json.raw(i === 0 ? '[' : ',[');
    for (const [at, id] of indices.entries()) {
      json
        .raw(`${at === 0 ? '' : ','}{"index":${id},"value":`)
        .float(values[at])
        .raw('}');
    }
    json.raw(']');
    if (turn.isOver) await turn.pass();
  }
  return json.raw(']').finish();
}

/** TEI's name of the way to pool. What TEI does not know has the name that `--pooling` takes, as typed clients want a text. */
function poolingName({ pooling, outputs }: ModelInfo): string {
  if (pooling === 'none' && outputs.includes('sparse')) return 'splade';
  return pooling === 'last' ? 'last_token' : pooling;
}

/** Answers GET /info. */
export function teiInfo({ state: { name, engine, settings } }: RequestContext): string {
  const { info } = engine;
  const labels = info.labels?.length ? info.labels : ['LABEL_0'];
  // TEI's rerankers have one label.
  const ranking = labels.length > 1 ? 'classifier' : 'reranker';
  const model_type =
    info.pooling === 'rank'
      ? {
          [ranking]: {
            id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
            label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
          },
        }
      : { embedding: { pooling: poolingName(info) } };
  return JSON.stringify({
    model_id: name,
    model_sha: null,
    model_dtype: info.ftype,
    model_type,
    max_concurrent_requests: settings.maxQueue,
    max_input_length: info.nCtx,
    max_batch_tokens: info.nCtx,
    max_batch_requests: null,
    max_client_batch_size: MAX_CLIENT_BATCH,
    auto_truncate: false,
    tokenization_workers: 1,
    version: 'gguf-embed',
    sha: null,
    docker_label: null,
  });
}

/** What clients may send at a time. Nothing here limits it, and they need a number. */
const MAX_CLIENT_BATCH = 1024;
