/**
 * @file The request bodies. Messages are those of llama-server where it has one; fields that are not named are ignored.
 */
import * as v from 'valibot';
import { MAX_DIMENSIONS } from '../../engine/normalize.ts';
import { HttpError, typeErrorMessage } from '../errors.ts';
import type { Fields } from '../json/fields.ts';
import { outputDtypes } from '../vectors/output-dtypes.ts';
import { readContent, readInputs, readRanked } from './inputs.ts';

// Descriptions and metadata are for /openapi.json. They come before the first transformation or second schema of a pipe,
// because JSON Schema describes the input.

/** A field that takes its default when it has the wrong type, as llama-server's optional fields do. */
const lenientBoolean = (otherwise: boolean, description: string) =>
  v.fallback(v.optional(v.pipe(v.boolean(), v.description(description)), otherwise), otherwise);

/** The name that a client gives the model. */
const model = v.fallback(v.optional(v.pipe(v.string(), v.description('name of the model in the answer'))), undefined);

/** An integer; other numbers are truncated and booleans are 0 or 1. */
const integer = v.pipe(
  v.union([v.number(), v.boolean()], (issue) => typeErrorMessage('number', issue.input)),
  v.transform((value) => Math.trunc(Number(value))),
);

/** A value of any type that `jsonSchema` describes and the following actions check. */
const described = (jsonSchema: object) => v.pipe(v.unknown(), v.metadata({ ...jsonSchema }));

/** Which end is cut off. */
const truncationDirection = v.pipe(
  v.nullish(
    v.pipe(
      v.string('"truncation_direction" must be left or right'),
      v.metadata({ enum: ['left', 'right'] }),
      v.toLowerCase(),
      v.picklist(['left', 'right'], '"truncation_direction" must be left or right'),
    ),
    'right',
  ),
  v.description('which end is cut off'),
);

/** A value that `read` understands or refuses with an HttpError. */
const readBy = <T>(read: (value: unknown) => T, description: string, jsonSchema: object) =>
  v.pipe(
    described(jsonSchema),
    v.description(description),
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

const mixedSchema = { type: 'array', items: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] } };
const imageSchema = {
  description: 'a data URI (data:image/…;base64,…) or an address on an allowed host',
  anyOf: [{ type: 'string' }, { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] }],
};
const partSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', enum: ['text', 'image', 'image_url', 'input_text', 'input_image'] },
    text: { type: 'string' },
    image: imageSchema,
    image_url: imageSchema,
  },
  anyOf: [{ required: ['text'] }, { required: ['image'] }, { required: ['image_url'] }],
};
const contentSchema = {
  type: 'object',
  properties: { content: { type: 'array', items: partSchema } },
  required: ['content'],
};
const rankedSchema = { anyOf: [{ type: 'string' }, partSchema, contentSchema, { type: 'array', items: partSchema }] };
const promptSchema = {
  anyOf: [
    { type: 'string' },
    { ...mixedSchema, minItems: 1 },
    {
      type: 'object',
      properties: {
        prompt_string: { anyOf: [{ type: 'string' }, mixedSchema] },
        multimodal_data: { type: 'array', items: { type: 'string', contentEncoding: 'base64' } },
      },
      required: ['prompt_string'],
    },
    partSchema,
    contentSchema,
    { type: 'array', items: partSchema, minItems: 1 },
  ],
};

/** POST /v1/embeddings, /embeddings, /embedding. Checked in this order. */
export const embeddingsBody = v.object({
  encoding_format: v.pipe(
    v.nullish(
      v.picklist(['float', 'base64'], ({ input }) =>
        typeof input === 'string'
          ? 'The format to return the embeddings in. Can be either float or base64'
          : typeErrorMessage('string', input),
      ),
      'float',
    ),
    v.description('vectors as numbers or as base64 of their little-endian bytes; not for the native format'),
  ),
  input: readBy(
    readInputs,
    'one input or a list of them: a text, token ids, both mixed, or texts and images; llama-server knows it as "content", too',
    { anyOf: [promptSchema, { type: 'array', items: promptSchema, minItems: 1 }] },
  ),
  embd_normalize: v.pipe(
    v.nullish(integer),
    v.description('-1 none, 0 largest value becomes 32760, 1 taxicab, 2 euclidean, p p-norm'),
  ),
  dimensions: v.pipe(
    v.nullish(
      v.pipe(
        described({ type: 'integer', minimum: 1, maximum: MAX_DIMENSIONS }),
        v.custom<number>(
          (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS,
          `"dimensions" must be an integer from 1 to ${MAX_DIMENSIONS}`,
        ),
      ),
    ),
    v.description('values in a vector: cut and normalised again, or filled up with zeros'),
  ),
  output_dtype: v.pipe(
    v.nullish(v.picklist(outputDtypes, `"output_dtype" must be one of ${outputDtypes.join(', ')}`), 'float'),
    v.description('type of the values'),
  ),
  prompt_name: v.pipe(
    v.nullish(v.string('"prompt_name" must be a string')),
    v.description('prompt to put before inputs that are texts'),
  ),
  truncate: v.pipe(
    v.nullish(
      v.pipe(
        described({ anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['NONE', 'END', 'START'] }] }),
        v.transform((value) => (typeof value === 'string' ? value.toUpperCase() : value)),
        v.custom<boolean | 'NONE' | 'END' | 'START'>(
          (value) => [true, false, 'NONE', 'END', 'START'].includes(value as boolean | string),
          '"truncate" must be true, false, NONE, END or START',
        ),
      ),
      false,
    ),
    v.description('cut an input that is longer than the context; END and START say which end, as for Cohere and NIM'),
  ),
  truncation_direction: truncationDirection,
  model,
});

/** A text, or texts and images; `undefined` for anything else. */
const ranked = (value: unknown) => {
  try {
    return readRanked(value);
  } catch (error) {
    if (error instanceof HttpError) return undefined;
    throw error;
  }
};

const documents = (description: string) =>
  v.fallback(
    v.optional(
      v.pipe(
        v.array(
          v.pipe(
            described(rankedSchema),
            v.transform(ranked),
            v.custom<NonNullable<ReturnType<typeof ranked>>>((value) => value !== undefined),
          ),
        ),
        v.description(description),
        v.metadata({ minItems: 1 }),
      ),
    ),
    undefined,
  );

/** Whether a pair is cut, by what `truncate` says. Fields of a form are text. */
const cutsPair = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['TRUE', true],
  ['FALSE', false],
  ['END', true],
  ['NONE', false],
]);

/** POST /rerank. `documents` wins over `texts` when both are usable. */
export const rerankBody = v.pipe(
  v.object({
    query: v.pipe(
      described(rankedSchema),
      v.description('what is looked for'),
      v.transform(ranked),
      v.custom<NonNullable<ReturnType<typeof ranked>>>((value) => value !== undefined, '"query" must be a string'),
    ),
    documents: documents("what is ranked, answered in Jina's format"),
    texts: documents('what is ranked, answered in the format of text-embeddings-inference'),
    top_n: v.pipe(
      v.fallback(v.optional(v.union([v.number(), v.boolean()])), undefined),
      v.description('return only that many of the best'),
      v.metadata({ minimum: 0 }),
      v.transform((value) => (value === undefined ? undefined : Math.trunc(Number(value)))),
      v.check((value) => value === undefined || value >= 0, '"top_n" must not be negative'),
    ),
    return_text: lenientBoolean(false, 'with texts: give back the text of each result'),
    truncate: v.pipe(
      v.nullish(
        v.pipe(
          described({ anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['NONE', 'END'] }] }),
          v.transform((value) => cutsPair.get(typeof value === 'string' ? value.toUpperCase() : value)),
          v.custom<boolean>(
            (value) => value !== undefined,
            '"truncate" must be true, false, NONE or END: a pair can be cut at its end only',
          ),
        ),
        false,
      ),
      v.description('cut a pair that is longer than the context at its end; NONE and END are words of Cohere and NIM'),
    ),
    truncation_direction: truncationDirection,
    model,
  }),
  v.metadata({ anyOf: [{ required: ['documents'] }, { required: ['texts'] }] }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const { documents, texts, ...others } = dataset.value;
    const ranked = documents ?? texts;
    if (ranked !== undefined && ranked.length > 0) return { ...others, documents: ranked };
    addIssue({ message: '"documents" must be a non-empty string array' });
    return NEVER;
  }),
  v.check(
    ({ truncate, truncation_direction: direction }) => !(truncate && direction === 'left'),
    '"truncation_direction" must be right: a pair can be cut at its end only',
  ),
);

/** POST /tokenize. */
export const tokenizeBody = v.object({
  content: v.pipe(
    v.nullish(
      readBy(readContent, 'a text, or texts and token ids mixed', { anyOf: [{ type: 'string' }, mixedSchema] }),
    ),
    v.description('what to tokenize'),
  ),
  add_special: lenientBoolean(false, 'add the special tokens of the model'),
  parse_special: lenientBoolean(true, 'read the text of special tokens as tokens'),
  with_pieces: lenientBoolean(false, 'give the text of each token, too'),
});

/** POST /detokenize. */
export const detokenizeBody = v.object({
  tokens: v.pipe(
    v.nullish(
      v.array(integer, (issue) => typeErrorMessage('array', issue.input)),
      [],
    ),
    v.description('token ids'),
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
