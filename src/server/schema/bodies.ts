/**
 * @file The schemas of request bodies. Messages are llama-server's where it has one. Unknown fields are ignored.
 */
import * as v from 'valibot';
import { MAX_DIMENSIONS } from '../../engine/outputs/normalize.ts';
import { outputDtypes } from '../../engine/outputs/output-dtypes.ts';
import { type OutputKind, outputKinds } from '../../engine/types.ts';
import { HttpError, typeErrorMessage } from '../errors.ts';
import type { Fields } from '../json/fields.ts';
import { contentSchema, mixedSchema, promptSchema, rankedSchema } from './input-schemas.ts';
import { readContent, readDocuments, readInputs, readQuery } from './inputs.ts';

// Descriptions and metadata appear in /openapi.json. They precede the first transformation or second schema of a pipe, because
// JSON Schema describes the input.

/** A field that falls back to its default if its type is wrong, like llama-server's optional fields. */
const lenientBoolean = (otherwise: boolean, description: string) =>
  v.fallback(v.optional(v.pipe(v.boolean(), v.description(description)), otherwise), otherwise);

/** The client's name for the model. */
const model = v.fallback(v.optional(v.pipe(v.string(), v.description('name of the model in the answer'))), undefined);

/** An integer. Other numbers are truncated, and booleans are 0 or 1. */
const integer = v.pipe(
  v.union([v.number(), v.boolean()], (issue) => typeErrorMessage('number', issue.input)),
  v.transform((value) => Math.trunc(Number(value))),
);

/** A value of any type. `jsonSchema` describes it, and the actions that follow check it. */
const described = (jsonSchema: object) => v.pipe(v.unknown(), v.metadata({ ...jsonSchema }));

/** Which end to cut. */
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
  v.description('which end to cut'),
);

/** A value that `read` accepts, or refuses with an HttpError. */
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

const LORA = '"lora" must be a list of objects with "id", an integer from 0, and "scale", a finite number';

/** Scales of LoRA adapters. */
export const loraList = v.pipe(
  v.array(
    v.object(
      {
        id: v.pipe(v.number(LORA), v.integer(LORA), v.minValue(0, LORA)),
        scale: v.pipe(v.number(LORA), v.finite(LORA)),
      },
      LORA,
    ),
    LORA,
  ),
  v.description(
    'LoRA adapters and their scales; those that are not named are left out. Default: the scales of POST /lora-adapters',
  ),
);

/** The words of other servers for queries, documents, and what is neither. */
const inputTypeWords = {
  query: 'query',
  search_query: 'query',
  document: 'document',
  search_document: 'document',
  passage: 'document',
  classification: undefined,
  clustering: undefined,
  image: undefined,
} as const;
const inputTypeNames = Object.keys(inputTypeWords) as (keyof typeof inputTypeWords)[];

function isOutput(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => outputKinds.includes(one));
}

const OUTPUT_SHAPE = `"output" must be a list of ${outputKinds.join(', ')}`;

const nDimensions = (name: string) =>
  v.nullish(
    v.pipe(
      described({ type: 'integer', minimum: 1, maximum: MAX_DIMENSIONS }),
      v.custom<number>(
        (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS,
        `"${name}" must be an integer from 1 to ${MAX_DIMENSIONS}`,
      ),
    ),
  );

/** POST /v1/embeddings, /embeddings, /embedding. The fields are checked in this order. */
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
    v.description('vectors as numbers, or as base64 of their little-endian bytes; the native format ignores it'),
  ),
  input: readBy(readInputs, 'one input or a list of them: a text, token ids, both mixed, or texts and images', {
    anyOf: [promptSchema, { type: 'array', items: promptSchema, minItems: 1 }],
  }),
  embd_normalize: v.pipe(
    v.nullish(integer),
    v.description('-1 none, 0 largest value becomes 32760, 1 taxicab, 2 euclidean, p p-norm'),
  ),
  dimensions: v.pipe(
    nDimensions('dimensions'),
    v.description(
      'number of values in a vector: longer vectors are cut and normalised again, shorter ones padded with zeros',
    ),
  ),
  output_dimension: v.pipe(nDimensions('output_dimension'), v.description('the same, if there is no "dimensions"')),
  output_dtype: v.pipe(
    v.nullish(v.picklist(outputDtypes, `"output_dtype" must be one of ${outputDtypes.join(', ')}`), 'float'),
    v.description('type of the values'),
  ),
  output: v.pipe(
    v.nullish(
      v.pipe(
        described({
          anyOf: [
            { type: 'string', enum: outputKinds },
            { type: 'array', items: { type: 'string', enum: outputKinds }, minItems: 1 },
          ],
        }),
        v.transform((value) => (typeof value === 'string' ? [value] : value)),
        v.custom<OutputKind[]>(isOutput, OUTPUT_SHAPE),
      ),
    ),
    v.description(
      'kinds of vectors: dense (the default) in "embedding", sparse as "sparse" with indices and values, multi as "multi", one vector for each token; only /v1/embeddings',
    ),
  ),
  input_type: v.pipe(
    v.nullish(
      v.pipe(
        described({ type: 'string', enum: inputTypeNames }),
        v.picklist(inputTypeNames, `"input_type" must be one of ${inputTypeNames.join(', ')}`),
        v.transform((word) => inputTypeWords[word]),
      ),
    ),
    v.description(
      'whether the inputs are queries or documents, for models that treat them differently; classification, clustering and image, from Cohere, are neither and have no effect',
    ),
  ),
  prompt_name: v.pipe(
    v.nullish(v.string('"prompt_name" must be a string')),
    v.description('name of the prompt to put around each text, and around images with a text'),
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
    v.description('truncate inputs longer than the context; END and START, from Cohere and NIM, say which end to cut'),
  ),
  truncation: lenientBoolean(false, 'the same as "truncate" in Voyage\'s API, if there is no "truncate"'),
  truncation_direction: truncationDirection,
  lora: v.pipe(v.nullish(loraList), v.description('LoRA adapters and their scales')),
  task: v.pipe(
    v.nullish(v.string('"task" must be a string')),
    v.description(
      'the task of the texts: its LoRA adapter is applied alone, and its prompt goes before each text; without adapters, it has no effect',
    ),
  ),
  model,
});

const documents = (description: string) =>
  v.optional(
    readBy(readDocuments, description, {
      anyOf: [{ type: 'array', items: rankedSchema, minItems: 1 }, contentSchema],
    }),
  );

/** Whether `truncate` asks to cut a pair. Fields of a form are strings. */
const cutsPair = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['TRUE', true],
  ['FALSE', false],
  ['END', true],
  ['NONE', false],
]);

/** How many results to return. Another type than a number counts as absent. */
const resultCount = (name: string, description: string) =>
  v.pipe(
    v.fallback(v.optional(v.union([v.number(), v.boolean()])), undefined),
    v.description(description),
    v.metadata({ minimum: 0 }),
    v.transform((value) => (value === undefined ? undefined : Math.trunc(Number(value)))),
    v.check((value) => value === undefined || value >= 0, `"${name}" must not be negative`),
  );

/** POST /rerank. `documents` takes precedence over `texts` if both are usable. */
export const rerankBody = v.pipe(
  v.object({
    query: readBy(readQuery, 'the query', rankedSchema),
    documents: documents("the documents to rank; the answer has Jina's format"),
    texts: documents('the documents to rank; the answer has the format of text-embeddings-inference'),
    top_n: resultCount('top_n', 'return only this many of the best results'),
    top_k: resultCount('top_k', "the same in Voyage's API; the answer has its format"),
    return_text: lenientBoolean(false, 'with texts: return the text of each result'),
    truncate: v.pipe(
      v.nullish(
        v.pipe(
          described({ anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['NONE', 'END'] }] }),
          v.transform((value) => cutsPair.get(typeof value === 'string' ? value.toUpperCase() : value)),
          v.custom<boolean>(
            (value) => value !== undefined,
            '"truncate" must be true, false, NONE or END: only the end of a pair can be cut',
          ),
        ),
        false,
      ),
      v.description('truncate pairs longer than the context at the end; NONE and END are the words of Cohere and NIM'),
    ),
    truncation: lenientBoolean(true, "truncate in Voyage's API; the answer has its format"),
    truncation_direction: truncationDirection,
    lora: v.pipe(v.nullish(loraList), v.description('LoRA adapters and their scales')),
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
    '"truncation_direction" must be right: only the end of a pair can be cut',
  ),
);

/** POST /tokenize. */
export const tokenizeBody = v.object({
  content: v.pipe(
    v.nullish(
      readBy(readContent, 'a text, or a list of texts and token ids', { anyOf: [{ type: 'string' }, mixedSchema] }),
    ),
    v.description('what to tokenize'),
  ),
  add_special: lenientBoolean(false, 'add the special tokens of the model'),
  parse_special: lenientBoolean(true, 'read the text of special tokens as tokens'),
  with_pieces: lenientBoolean(false, 'also return the text of each token'),
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
 * Checks a body against a schema and returns its fields.
 * @throws HttpError with the message of the first invalid field
 */
export function checkBody<S extends v.GenericSchema>(schema: S, fields: Fields): v.InferOutput<S> {
  const result = v.safeParse(schema, fields, { abortEarly: true });
  if (result.success) return result.output;
  throw new HttpError('invalid_request_error', result.issues[0].message);
}
