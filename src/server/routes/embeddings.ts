/**
 * @file POST /v1/embeddings in OpenAI's format, and POST /embeddings and /embedding in llama-server's own format.
 */
import type { EmbedOptions, ModelInfo } from '../../engine/index.ts';
import { inputTypeOf } from '../../engine/inputs/prompts.ts';
import { convertVector, type OutputDtype } from '../../engine/outputs/output-dtypes.ts';
import { Turn } from '../../turn.ts';
import type { Engine } from '../engine.ts';
import { HttpError } from '../errors.ts';
import type { Fields } from '../json/fields.ts';
import { JsonWriter } from '../json/writer.ts';
import { readMessages } from '../media/chat-messages.ts';
import { resolveInputs } from '../media/resolve-media.ts';
import type { BodyContext } from '../request.ts';
import { checkBody, embeddingsBody } from '../schema/bodies.ts';
import { chosenPrompt, computeVectors, type Vectors } from '../vectors/compute-vectors.ts';
import { askedAdapters } from './lora-adapters.ts';

/**
 * Answers /v1/embeddings. As in llama-server, `content` instead of `input` selects the native format.
 * @throws HttpError, InputError, the signal's reason
 */
export async function openAiEmbeddings(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  const { state } = context;
  // As in llama-server, before the body is read; but a model with other outputs may be asked for these.
  if (state.engine.info.outputs.every((kind) => kind === 'dense')) refuseTokenVectors(context);
  const fields = await context.fields();
  if (fields.output === undefined || fields.output === null) refuseTokenVectors(context);
  const { body, result } = await embedFields(context, fields);
  if ('content' in fields && !('input' in fields) && body.output == null) return nativeJson(result, body.output_dtype);
  return openAiJson(result, body.model ?? state.name, body.encoding_format, body.output_dtype);
}

/** Answers /embeddings and /embedding. Throws what `openAiEmbeddings` throws. */
export async function nativeEmbeddings(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  const { output: _, ...fields } = await context.fields();
  const { body, result } = await embedFields(context, fields);
  return nativeJson(result, body.output_dtype);
}

/** @throws HttpError if the model returns a vector for each token, which formats with one vector for each input cannot represent */
export function refuseTokenVectors({ state }: BodyContext): void {
  const { pooling, outputs } = state.engine.info;
  if (pooling !== 'none') return;
  const others = outputs.filter((kind) => kind !== 'dense');
  const remedy = others.length === 0 ? '' : `, or ask for "output": ${JSON.stringify(others)}`;
  throw new HttpError(
    'invalid_request_error',
    `Pooling type 'none' is not OAI compatible. Please use a different pooling type${remedy}`,
  );
}

/**
 * The vectors that the fields of a body ask for, and the checked body.
 * @throws HttpError, InputError, the signal's reason
 */
export async function embedFields(context: BodyContext, fields: Fields) {
  const { engine, settings } = context.state;
  const body = checkBody(embeddingsBody, { ...fields, input: inputOf(fields, engine) });
  const { lora, promptPrefix } = askedAdapters(engine.info, body);
  const isTaskPrompt = promptPrefix !== undefined && body.prompt_name == null;
  const prompt = isTaskPrompt ? promptPrefix : chosenPrompt(context, body.prompt_name ?? undefined);
  const result = await computeVectors(context, await resolveInputs(context, body.input), {
    prompt,
    normalize: normalization(engine.info, body.embd_normalize, settings.normalize),
    dimensions: body.dimensions ?? body.output_dimension ?? undefined,
    truncate: truncation(fields.truncate == null ? body.truncation : body.truncate, body.truncation_direction),
    lora,
    ...(body.output && { output: body.output }),
    inputType: body.input_type ?? inputTypeOf(body.prompt_name ?? settings.defaultPromptName),
  });
  return { body, result };
}

/** `input`, else `content`, else the input in `messages`. */
function inputOf(fields: Fields, { metadata }: Engine): unknown {
  const isAbsent = !('input' in fields) || (fields.input === null && fields.content != null);
  if (!isAbsent) return fields.input;
  if ('content' in fields) return fields.content;
  if (!('messages' in fields)) {
    throw new HttpError('invalid_request_error', '"input" or "content" must be provided');
  }
  const key = 'tokenizer.chat_template';
  return readMessages(fields, metadata.has(key) ? metadata.string(key) : undefined);
}

/** Which end to cut. `NONE`, `END` and `START` are words of other servers, and take precedence. */
function truncation(
  truncate: boolean | 'NONE' | 'END' | 'START',
  direction: 'left' | 'right',
): EmbedOptions['truncate'] {
  if (truncate === false || truncate === 'NONE') return false;
  if (truncate === true) return direction === 'left' ? 'start' : 'end';
  return truncate === 'START' ? 'start' : 'end';
}

/** llama-server never normalises token vectors, and scores are not vectors. */
function normalization({ pooling }: ModelInfo, asked: number | null | undefined, byDefault: number): number {
  if (pooling === 'none') return -1;
  return asked ?? (pooling === 'rank' ? -1 : byDefault);
}

async function openAiJson(
  { vectors, nTokens, truncated, sparse, multi }: Vectors,
  model: string,
  format: 'float' | 'base64',
  dtype: OutputDtype,
): Promise<Uint8Array<ArrayBuffer>> {
  const turn = new Turn();
  const total = nTokens.reduce((sum, n) => sum + n, 0);
  const json = new JsonWriter()
    .raw('{"model":')
    .value(model)
    .raw(`,"object":"list","usage":{"prompt_tokens":${total},"total_tokens":${total}},"data":[`);
  const write = (vector: Float32Array) => {
    if (format === 'base64') json.base64(dtype === 'float' ? vector : convertVector(vector, dtype));
    else writeVector(json, vector, dtype);
  };
  for (let index = 0; index < nTokens.length; index++) {
    json.raw(index === 0 ? '{' : ',{');
    if (vectors.length > 0) {
      json.raw('"embedding":');
      write(vectors[index]);
      json.raw(',');
    }
    if (sparse !== undefined) {
      const { indices, values } = sparse[index];
      json
        .raw(`"sparse":{"indices":[${indices.join(',')}],"values":`)
        .floats(values)
        .raw('},');
    }
    if (multi !== undefined) {
      const { values, dimensions } = multi[index];
      json.raw('"multi":[');
      for (let at = 0; at < values.length; at += dimensions) {
        if (at > 0) json.raw(',');
        write(values.subarray(at, at + dimensions));
        if (turn.isOver) await turn.pass();
      }
      json.raw('],');
    }
    json.raw(`"index":${index},"object":"embedding"`);
    if (format === 'base64') json.raw(',"encoding_format":"base64"');
    json.raw(truncated[index] ? ',"truncated":true}' : '}');
    if (turn.isOver) await turn.pass();
  }
  return json.raw(']}').finish();
}

async function nativeJson(
  { vectors, dimensions, truncated }: Vectors,
  dtype: OutputDtype,
): Promise<Uint8Array<ArrayBuffer>> {
  const turn = new Turn();
  const json = new JsonWriter().raw('[');
  for (const [index, rows] of vectors.entries()) {
    json.raw(`${index === 0 ? '' : ','}{"index":${index},"embedding":[`);
    for (let at = 0; at < rows.length; at += dimensions) {
      if (at > 0) json.raw(',');
      writeVector(json, rows.subarray(at, at + dimensions), dtype);
      if (turn.isOver) await turn.pass();
    }
    json.raw(truncated[index] ? '],"truncated":true}' : ']}');
  }
  return json.raw(']').finish();
}

/** Writes one vector for each input as an array of arrays. */
export async function writeVectors(json: JsonWriter, { vectors }: Vectors): Promise<void> {
  const turn = new Turn();
  json.raw('[');
  for (const [index, vector] of vectors.entries()) {
    if (index > 0) json.raw(',');
    json.floats(vector);
    if (turn.isOver) await turn.pass();
  }
  json.raw(']');
}

function writeVector(json: JsonWriter, vector: Float32Array, dtype: OutputDtype): void {
  if (dtype === 'float') json.floats(vector);
  else json.raw(`[${convertVector(vector, dtype).join(',')}]`);
}
