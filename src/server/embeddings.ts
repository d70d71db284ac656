/**
 * @file POST /v1/embeddings in OpenAI's format and POST /embeddings, /embedding in llama-server's own.
 */
import type { Embeddings } from '../engine/index.ts';
import { HttpError } from './errors.ts';
import type { Fields } from './json-body.ts';
import { JsonWriter } from './json-writer.ts';
import { checkBody, embeddingsBody } from './schemas.ts';
import type { Call } from './service.ts';

/**
 * Answers /v1/embeddings. `content` instead of `input` gives the native format, as in llama-server.
 * @throws HttpError, InputError, the signal's reason
 */
export async function openAiEmbeddings(call: Call): Promise<Uint8Array<ArrayBuffer>> {
  const { service } = call;
  if (service.engine.info.pooling === 'none') {
    throw new HttpError(
      'invalid_request_error',
      "Pooling type 'none' is not OAI compatible. Please use a different pooling type",
    );
  }
  const fields = await call.fields();
  const { body, result } = await compute(call, fields);
  if (!('input' in fields)) return nativeJson(result);
  return openAiJson(result, body.model ?? service.name, body.encoding_format);
}

/** Answers /embeddings and /embedding. Throws what `openAiEmbeddings` throws. */
export async function nativeEmbeddings(call: Call): Promise<Uint8Array<ArrayBuffer>> {
  const { result } = await compute(call, await call.fields());
  return nativeJson(result);
}

async function compute({ service: { engine, options }, signal }: Call, fields: Fields) {
  if (!('input' in fields || 'content' in fields)) {
    throw new HttpError('invalid_request_error', '"input" or "content" must be provided');
  }
  const body = checkBody(embeddingsBody, 'input' in fields ? fields : { ...fields, input: fields.content });
  const result = await engine.embed(body.input, {
    // llama-server never normalises the vectors of tokens.
    normalize: engine.info.pooling === 'none' ? -1 : (body.embd_normalize ?? options.normalize),
    dimensions: body.dimensions ?? undefined,
    signal,
  });
  return { body, result };
}

function openAiJson(
  { vectors, nTokens }: Embeddings,
  model: string,
  format: 'float' | 'base64',
): Uint8Array<ArrayBuffer> {
  const total = nTokens.reduce((sum, n) => sum + n, 0);
  const json = new JsonWriter()
    .raw('{"model":')
    .value(model)
    .raw(`,"object":"list","usage":{"prompt_tokens":${total},"total_tokens":${total}},"data":[`);
  for (const [index, vector] of vectors.entries()) {
    json.raw(index === 0 ? '{"embedding":' : ',{"embedding":');
    if (format === 'base64') {
      json.base64(vector).raw(`,"index":${index},"object":"embedding","encoding_format":"base64"}`);
    } else json.floats(vector).raw(`,"index":${index},"object":"embedding"}`);
  }
  return json.raw(']}').finish();
}

function nativeJson({ vectors, dimensions }: Embeddings): Uint8Array<ArrayBuffer> {
  const json = new JsonWriter().raw('[');
  for (const [index, rows] of vectors.entries()) {
    json.raw(`${index === 0 ? '' : ','}{"index":${index},"embedding":[`);
    for (let at = 0; at < rows.length; at += dimensions) {
      if (at > 0) json.raw(',');
      json.floats(rows.subarray(at, at + dimensions));
    }
    json.raw(']}');
  }
  return json.raw(']').finish();
}
