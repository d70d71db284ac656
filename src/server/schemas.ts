/**
 * @file The request bodies. Messages are those of llama-server where it has one; fields that are not named are ignored.
 */
import * as v from 'valibot';
import { outputDtypes } from './dtypes.ts';
import { HttpError, typeErrorMessage } from './errors.ts';
import type { Fields } from './json-body.ts';
import { readContent, readPrompts } from './prompts.ts';

/** Far above every model's, and keeps a request from asking for gigabytes of zeros. */
const MAX_DIMENSIONS = 65536;

/** A field that takes its default when it has the wrong type, as llama-server's optional fields do. */
const lenientBoolean = (otherwise: boolean) => v.fallback(v.optional(v.boolean(), otherwise), otherwise);
const lenientString = v.fallback(v.optional(v.string()), undefined);

/** An integer; other numbers are truncated and booleans are 0 or 1. */
const integer = v.pipe(
  v.union([v.number(), v.boolean()], (issue) => typeErrorMessage('number', issue.input)),
  v.transform((value) => Math.trunc(Number(value))),
);

/** Whether an input that is longer than the context is cut instead of refused. */
const truncate = v.optional(v.boolean('"truncate" must be true or false'), false);

/** A value that `read` understands or refuses with an HttpError. */
const readBy = <T>(read: (value: unknown) => T) =>
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return read(dataset.value);
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );

/** POST /v1/embeddings, /embeddings, /embedding. Checked in this order. */
export const embeddingsBody = v.object({
  encoding_format: v.optional(
    v.pipe(
      v.string((issue) => typeErrorMessage('string', issue.input)),
      v.picklist(['float', 'base64'], 'The format to return the embeddings in. Can be either float or base64'),
    ),
    'float',
  ),
  input: readBy(readPrompts),
  embd_normalize: v.optional(integer),
  dimensions: v.nullish(
    v.custom<number>(
      (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS,
      `"dimensions" must be an integer from 1 to ${MAX_DIMENSIONS}`,
    ),
  ),
  output_dtype: v.optional(
    v.picklist(outputDtypes, `"output_dtype" must be one of ${outputDtypes.join(', ')}`),
    'float',
  ),
  prompt_name: v.nullish(v.string('"prompt_name" must be a string')),
  truncate,
  truncation_direction: v.optional(
    v.pipe(
      v.string('"truncation_direction" must be left or right'),
      v.toLowerCase(),
      v.picklist(['left', 'right'], '"truncation_direction" must be left or right'),
    ),
    'right',
  ),
  model: lenientString,
});

const documents = v.pipe(v.array(v.string()), v.minLength(1));

/** POST /rerank. `documents` (Jina) goes before `texts` (text-embeddings-inference) when both are usable. */
export const rerankBody = v.pipe(
  v.object({
    query: v.string('"query" must be a string'),
    documents: v.fallback(v.optional(documents), undefined),
    texts: v.fallback(v.optional(documents), undefined),
    top_n: v.pipe(
      v.fallback(v.optional(v.number()), undefined),
      v.transform((value) => value && Math.trunc(value)),
      v.check((value) => value === undefined || value >= 0, '"top_n" must not be negative'),
    ),
    return_text: lenientBoolean(false),
    truncate: lenientBoolean(false),
    model: lenientString,
  }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const { documents, texts, ...others } = dataset.value;
    const ranked = documents ?? texts;
    if (ranked !== undefined) return { ...others, documents: ranked };
    addIssue({ message: '"documents" must be a non-empty string array' });
    return NEVER;
  }),
);

/** POST /tokenize. */
export const tokenizeBody = v.object({
  content: v.optional(readBy(readContent)),
  add_special: lenientBoolean(false),
  parse_special: lenientBoolean(true),
  with_pieces: lenientBoolean(false),
});

/** POST /detokenize. */
export const detokenizeBody = v.object({
  tokens: v.optional(
    v.array(
      v.number((issue) => typeErrorMessage('number', issue.input)),
      (issue) => typeErrorMessage('array', issue.input),
    ),
    [],
  ),
});

/**
 * The fields of a body after a schema.
 * @throws HttpError with the message of the first field that is wrong
 */
export function checkBody<S extends v.GenericSchema>(schema: S, fields: Fields): v.InferOutput<S> {
  const result = v.safeParse(schema, fields, { abortEarly: true });
  if (result.success) return result.output;
  throw new HttpError('invalid_request_error', result.issues[0].message);
}
