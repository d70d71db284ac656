/**
 * @file POST /rerank and its aliases: Jina's format, text-embeddings-inference's format for requests with `texts`, or Voyage's for requests
 * with its fields `top_k` or `truncation`.
 */

import { type Embedder, type RankInput, Reranker, type ScoreScale } from '../../engine/index.ts';
import { canRank } from '../../engine/rerank/can-rank.ts';
import { HttpError } from '../errors.ts';
import type { Fields } from '../json/fields.ts';
import { JsonWriter } from '../json/writer.ts';
import { reserveImages } from '../media/reserve-images.ts';
import { resolveInputs } from '../media/resolve-media.ts';
import type { BodyContext } from '../request.ts';
import { checkBody, rerankBody } from '../schema/bodies.ts';

/**
 * Scores documents against a query, best first. Documents with equal scores keep their order. Scores have the scale that the
 * server was started with; the default is raw, as in llama-server. Voyage's are probabilities.
 * @throws HttpError, ContextSizeError, the signal's reason
 */
export async function rerank(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  const { name, settings } = context.state;
  requireReranker(context);
  const fields = await context.fields();
  const scores = isVoyages(fields) ? 'probability' : settings.rankScores;
  const { body, results, nTokens, truncated } = await rankDocuments(context, fields, scores);
  const { documents, return_text, model } = body;
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
  const list = isVoyages(fields) ? 'data' : 'results';
  json
    .raw('{"model":')
    .value(model ?? name)
    .raw(`,"object":"list","usage":{"prompt_tokens":${total},"total_tokens":${total}},"${list}":[`);
  for (const [i, { index, score }] of results.entries()) {
    json
      .raw(`${i === 0 ? '' : ','}{"index":${index},"relevance_score":`)
      .float(score)
      .raw(truncated[index] ? ',"truncated":true}' : '}');
  }
  return json.raw(']}').finish();
}

/** Whether a request is one of Voyage's clients: no other server has these fields. */
function isVoyages(fields: Fields): boolean {
  return 'top_k' in fields || 'truncation' in fields;
}

/** @throws HttpError (501) if the model is not a reranker */
export function requireReranker({ state }: BodyContext): void {
  if (canRank(state.engine.info)) return;
  throw new HttpError('not_supported_error', 'This server does not support reranking. Start it with `--reranking`');
}

/**
 * The ranking that the fields of a body ask for, and the checked body.
 * @throws HttpError, ContextSizeError, the signal's reason
 */
export async function rankDocuments(context: BodyContext, fields: Fields, scores: ScoreScale) {
  if (!('query' in fields)) throw new HttpError('invalid_request_error', '"query" must be provided');
  const body = checkBody(rerankBody, fields);
  const { query, documents, top_n, top_k } = body;
  const truncate = isVoyages(fields) && fields.truncate == null ? body.truncation : body.truncate;
  // Structural for the sake of tests; a Reranker uses nothing of an Embedder but what an Engine has.
  const [resolvedQuery, ...resolved] = (await resolveInputs(context, [query, ...documents])) as RankInput[];
  const nameOf = (index: number) => (index === 0 ? 'the query' : `document ${index - 1}`);
  await reserveImages(context, [resolvedQuery, ...resolved], nameOf);
  const ranking = await Reranker.from(context.state.engine as Embedder).rank(resolvedQuery, resolved, {
    topN: Math.min(top_n ?? top_k ?? documents.length, documents.length),
    scores,
    truncate,
    lora: body.lora ?? undefined,
    client: context.client,
    // Late interaction has a vector for each token.
    onSize: context.reserve,
    signal: context.signal,
  });
  context.countTokens(ranking.nTokens);
  return { body, ...ranking };
}
