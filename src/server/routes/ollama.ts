/**
 * @file Ollama's API: POST /api/embed, GET /api/tags, GET /api/version.
 */
import { JsonWriter } from '../json/writer.ts';
import type { BodyContext, RequestContext } from '../request.ts';
import { ollamaEmbedBody } from '../schema/adapter-bodies.ts';
import { checkBody } from '../schema/bodies.ts';
import { embedFields, refuseTokenVectors, writeVectors } from './embeddings.ts';

/**
 * Answers POST /api/embed. Vectors have length 1; an input that is too long is cut.
 * @throws HttpError, InputError, the signal's reason
 */
export async function ollamaEmbed(context: BodyContext): Promise<Uint8Array<ArrayBuffer>> {
  refuseTokenVectors(context);
  const started = performance.now();
  const { model, input, truncate, dimensions } = checkBody(ollamaEmbedBody, await context.fields());
  const fields = { model, input, truncate, dimensions, embd_normalize: 2 };
  const { result, body } = await embedFields(context, fields);
  const total = result.nTokens.reduce((sum, n) => sum + n, 0);
  const json = new JsonWriter()
    .raw('{"model":')
    .value(body.model ?? context.state.name)
    .raw(',"embeddings":');
  await writeVectors(json, result);
  const nanoseconds = Math.round((performance.now() - started) * 1e6);
  return json.raw(`,"total_duration":${nanoseconds},"load_duration":0,"prompt_eval_count":${total}}`).finish();
}

/** When this module was loaded, which is when the process began to serve. */
const startedAt = new Date().toISOString();

/** A model of Ollama's list. */
export interface OllamaModel {
  readonly name: string;
  /** Bytes of its tensors, 0 if not known. */
  readonly size: number;
  readonly architecture: string;
  readonly nParams: number | undefined;
  readonly ftype: string;
}

/** Answers GET /api/tags. */
export function ollamaTags({ state: { name, engine } }: RequestContext): string {
  const { size, architecture, nParams, ftype } = engine.info;
  return ollamaList([{ name, size, architecture, nParams, ftype }]);
}

/** The list of GET /api/tags. */
export function ollamaList(models: readonly OllamaModel[]): string {
  return JSON.stringify({
    models: models.map(({ name, size, architecture, nParams, ftype }) => ({
      name,
      model: name,
      modified_at: startedAt,
      size,
      digest: '',
      details: {
        parent_model: '',
        format: 'gguf',
        family: architecture,
        families: [architecture],
        parameter_size: nParams === undefined ? '' : `${(nParams / 1e6).toFixed(2)}M`,
        quantization_level: ftype,
      },
    })),
  });
}

/** The version of Ollama whose API this is. */
const API_VERSION = '0.6.4';

/** Answers GET /api/version. */
export function ollamaVersion(): string {
  return JSON.stringify({ version: API_VERSION });
}
