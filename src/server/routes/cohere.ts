/**
 * @file Cohere's API: POST /v2/rerank.
 */
import { JsonWriter } from '../json/writer.ts';
import type { BodyContext } from '../request.ts';
import { cohereRerankBody } from '../schema/adapter-bodies.ts';
import { checkBody } from '../schema/bodies.ts';
import { rankDocuments, requireReranker } from './rerank.ts';

/**
 * Answers POST /v2/rerank. Scores are probabilities, because Cohere's are between 0 and 1. A document that is too long is cut.
 * @throws HttpError, the signal's reason
 */
export async function cohereRerank(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  requireReranker(context);
  const { model, query, documents, top_n } = checkBody(cohereRerankBody, await context.fields());
  const { results } = await rankDocuments(
    context,
    { model, query, documents, top_n: top_n ?? undefined, truncate: true },
    'probability',
  );
  const json = new JsonWriter().raw(`{"id":"${crypto.randomUUID()}","results":[`);
  for (const [i, { index, score }] of results.entries()) {
    json
      .raw(`${i === 0 ? '' : ','}{"index":${index},"relevance_score":`)
      .float(score)
      .raw('}');
  }
  return json.raw('],"meta":{"api_version":{"version":"2"}}}').finish();
}
