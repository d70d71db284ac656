/**
 * @file The request bodies. Messages are those of llama-server where it has one; fields that are not named are ignored.
 */
import * as v from 'valibot';
import { MAX_DIMENSIONS } from '../../engine/normalize.ts';
import { HttpError, typeErrorMessage } from '../errors.ts';
import type { Fields } from '../middleware/body.ts';
import { outputDtypes } from '../vectors/dtypes.ts';
import { readContent, readPrompts } from './inputs.ts';

/** What a field is for, and its JSON Schema where that cannot be read off the schema. For /openapi.json. */
const about = <T>(description: string, jsonSchema?: object) =>
  v.metadata<T, { description: string; jsonSchema: object | undefined }>({ description, jsonSchema });

/** A field that takes its default when it has the wrong type, as llama-server's optional fields do. */
const lenientBoolean = (otherwise: boolean, description: string) =>
  v.fallback(v.optional(v.pipe(v.boolean(), about(description)), otherwise), otherwise);

/** The name that a client gives the model. */
const model = v.fallback(v.optional(v.pipe(v.string(), about('name of the model in the answer'))), undefined);

/** An integer; other numbers are truncated and booleans are 0 or 1. */
const integer = (description: string) =>
  v.pipe(
    v.union([v.number(), v.boolean()], (issue) => typeErrorMessage('number', issue.input)),
    v.transform((value) => Math.trunc(Number(value))),
    about(description, { type: 'integer' }),
  );

/** A value that `read` understands or refuses with an HttpError. */
const readBy = <T>(read: (value: unknown) => T, description: string, jsonSchema: object) =>
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
    about(description, jsonSchema),
  );

const mixedSchema = { type: 'array', items: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] } };
const promptSchema = {
  anyOf: [
    { type: 'string' },
    mixedSchema,
    {
      type: 'object',
      properties: { prompt_string: { anyOf: [{ type: 'string' }, mixedSchema] } },
      required: ['prompt_string'],
    },
  ],
};

/** POST /v1/embeddings, /embeddings, /embedding. Checked in this order. */
export const embeddingsBody = v.object({
  encoding_format: v.nullish(
    v.pipe(
      v.string((issue) => typeErrorMessage('string', issue.input)),
      v.picklist(['float', 'base64'], 'The format to return the embeddings in. Can be either float or base64'),
      about('vectors as numbers or as base64 of their little-endian bytes; not for the native format'),
    ),
    'float',
  ),
  input: readBy(
    readPrompts,
    'one input or a list of them: a text, token ids, or both mixed; llama-server knows it as "content", too',
    { anyOf: [promptSchema, { type: 'array', items: promptSchema, minItems: 1 }] },
  ),
  embd_normalize: v.nullish(integer('-1 none, 0 largest value becomes 32760, 1 taxicab, 2 euclidean, p p-norm')),
  dimensions: v.nullish(
    v.pipe(
      v.custom<number>(
        (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS,
        `"dimensions" must be an integer from 1 to ${MAX_DIMENSIONS}`,
      ),
      about('values in a vector: cut and normalised again, or filled up with zeros', {
        type: 'integer',
        minimum: 1,
        maximum: MAX_DIMENSIONS,
      }),
    ),
  ),
  output_dtype: v.nullish(
    v.pipe(
      v.picklist(outputDtypes, `"output_dtype" must be one of ${outputDtypes.join(', ')}`),
      about('type of the values'),
    ),
    'float',
  ),
  prompt_name: v.nullish(
    v.pipe(v.string('"prompt_name" must be a string'), about('prompt to put before inputs that are texts')),
  ),
  truncate: v.nullish(
    v.pipe(
      v.unknown(),
      v.transform((value) => (typeof value === 'string' ? value.toUpperCase() : value)),
      v.custom<boolean | 'NONE' | 'END' | 'START'>(
        (value) => [true, false, 'NONE', 'END', 'START'].includes(value as boolean | string),
        '"truncate" must be true, false, NONE, END or START',
      ),
      about('cut an input that is longer than the context; END and START say which end, as for Cohere and NIM', {
        anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['NONE', 'END', 'START'] }],
      }),
    ),
    false,
  ),
  truncation_direction: v.nullish(
    v.pipe(
      v.string('"truncation_direction" must be left or right'),
      v.toLowerCase(),
      v.picklist(['left', 'right'], '"truncation_direction" must be left or right'),
      about('which end is cut off'),
    ),
    'right',
  ),
  model,
});

const documentSchema = {
  anyOf: [{ type: 'string' }, { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] }],
};
const documents = (description: string) =>
  v.fallback(
    v.optional(
      v.pipe(
        v.array(
          v.union([
            v.string(),
            v.pipe(
              v.object({ text: v.string() }),
              v.transform(({ text }) => text),
            ),
          ]),
        ),
        about(description, { type: 'array', items: documentSchema, minItems: 1 }),
      ),
    ),
    undefined,
  );

/** POST /rerank. `documents` goes before `texts` when both are usable. */
export const rerankBody = v.pipe(
  v.object({
    query: v.pipe(v.string('"query" must be a string'), about('what is looked for')),
    documents: documents("what is ranked, answered in Jina's format"),
    texts: documents('what is ranked, answered in the format of text-embeddings-inference'),
    top_n: v.pipe(
      v.fallback(v.optional(v.union([v.number(), v.boolean()])), undefined),
      v.transform((value) => (value === undefined ? undefined : Math.trunc(Number(value)))),
      v.check((value) => value === undefined || value >= 0, '"top_n" must not be negative'),
      about('return only that many of the best', { type: 'integer', minimum: 0 }),
    ),
    return_text: lenientBoolean(false, 'with texts: give back the text of each result'),
    truncate: lenientBoolean(false, 'cut a pair that is longer than the context at its end'),
    model,
  }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const { documents, texts, ...others } = dataset.value;
    const ranked = documents ?? texts;
    if (ranked !== undefined && ranked.length > 0) return { ...others, documents: ranked };
    addIssue({ message: '"documents" must be a non-empty string array' });
    return NEVER;
  }),
);

/** POST /tokenize. */
export const tokenizeBody = v.object({
  content: v.nullish(
    readBy(readContent, 'a text, or texts and token ids mixed', { anyOf: [{ type: 'string' }, mixedSchema] }),
  ),
  add_special: lenientBoolean(false, 'add the special tokens of the model'),
  parse_special: lenientBoolean(true, 'read the text of special tokens as tokens'),
  with_pieces: lenientBoolean(false, 'give the text of each token, too'),
});

/** POST /detokenize. */
export const detokenizeBody = v.object({
  tokens: v.nullish(
    v.pipe(
      v.array(integer('a token id'), (issue) => typeErrorMessage('array', issue.input)),
      about('token ids'),
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
