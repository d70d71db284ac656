/**
 * @file POST /rerank and its aliases, in Jina's format and, when the request has `texts`, in that of text-embeddings-inference.
 */
import { type Embedder, type RankInput, Reranker } from '../../engine/index.ts';
import { HttpError } from '../errors.ts';
import { JsonWriter } from '../json/writer.ts';
import { reserveImages } from '../media/reserve-images.ts';
import { resolveInputs } from '../media/resolve-media.ts';
import type { BodyContext } from '../request.ts';
import { checkBody, rerankBody } from '../schema/bodies.ts';

/**
 * Scores documents against a query; best first, equal ones in the order given. Scores are on the scale
 * that the server was started with; by default raw, as llama-server gives them.
 * @throws HttpError, ContextSizeError, the signal's reason
 */
export async function rerank(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  const { engine, name, settings } = context.state;
  if (engine.info.pooling !== 'rank') {
    throw new HttpError('not_supported_error', 'This server does not support reranking. Start it with `--reranking`');
  }
  const fields = await context.fields();
  if (!('query' in fields)) throw new HttpError('invalid_request_error', '"query" must be provided');
  const { query, documents, top_n, return_text, truncate, model } = checkBody(rerankBody, fields);
  // Structural for the sake of tests; a Reranker uses nothing of an Embedder but what an Engine has.
  const [resolvedQuery, ...resolved] = (await resolveInputs(context, [query, ...documents])) as RankInput[];
  await reserveImages(context, [resolvedQuery, ...resolved]);
  const { results, nTokens, truncated } = await Reranker.from(engine as Embedder).rank(resolvedQuery, resolved, {
    topN: Math.min(top_n ?? documents.length, documents.length),
    scores: settings.rankScores,
    truncate,
    client: context.client,
    signal: context.signal,
  });
  context.countTokens(nTokens);

  const json = new JsonWriter();
  if ('texts' in fields) {
    json.raw('[');
    for (const [i, { index, score }] of results.entries()) {
      json.raw(`${i === 0 ? '' : ','}{"index":${index},"score":`).float(score);
      const document = documents[index];
      if (return_text && typeof document === 'string') json.raw(',"text":').value(document);
      json.raw(truncated[index] ? ',"truncated":true}' : '}');
    }
    return json.raw(']').finish();
  }
  const total = nTokens.reduce((sum, n) => sum + n, 0);
  json
    .raw('{"model":')
    .value(model ?? name)
    .raw(`,"object":"list","usage":{"prompt_tokens":${total},"total_tokens":${total}},"results":[`);
  for (const [i, { index, score }] of results.entries()) {
    json
      .raw(`${i === 0 ? '' : ','}{"index":${index},"relevance_score":`)
      .float(score)
      .raw(truncated[index] ? ',"truncated":true}' : '}');
  }
  return json.raw(']}').finish();
}
