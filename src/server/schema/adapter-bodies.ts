/**
 * @file The request bodies of other servers' APIs: Cohere's, that of text-embeddings-inference (TEI), and Ollama's. Each handler
 * translates its body to one of `bodies.ts`, which checks the values; these schemas are for /openapi.json and the defaults.
 */
import * as v from 'valibot';

/** A field whose value the translated body checks. */
const field = (description: string, jsonSchema: object = {}) =>
  v.optional(v.pipe(v.unknown(), v.metadata({ ...jsonSchema }), v.description(description)));

/** A required field of the same kind. */
const required = (description: string, jsonSchema: object) =>
  v.pipe(v.unknown(), v.metadata({ ...jsonSchema }), v.description(description));

/** A switch; `null` and an absent field are the default. */
const flag = (name: string, otherwise: boolean, description: string) =>
  v.pipe(v.nullish(v.boolean(`"${name}" must be true or false`), otherwise), v.description(description));

const texts = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] };
const model = field('name of the model', { type: 'string' });
const dimensions = field('values in a vector: cut and normalised again, or filled up with zeros', {
  anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }],
});

/** The message for an absent field. */
const absent = ({ expected }: { readonly expected: string | null }) => `${expected} must be provided`;

/** POST /v2/rerank of Cohere. */
export const cohereRerankBody = v.object(
  {
    model,
    query: required('the query', { type: 'string' }),
    documents: required('the documents to rank', {
      type: 'array',
      minItems: 1,
      items: {
        anyOf: [{ type: 'string' }, { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] }],
      },
    }),
    top_n: field('return only that many of the best', { type: 'integer', minimum: 0 }),
    max_tokens_per_doc: field('has no effect: a document is cut where the context of the model ends', {
      type: 'integer',
    }),
  },
  absent,
);

/** The fields that /embed and /embed_sparse of text-embeddings-inference have in common. */
const teiInputs = {
  inputs: required('one input or a list of them: a text, or token ids', {
    anyOf: [
      ...texts.anyOf,
      { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 },
      { type: 'array', items: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 }, minItems: 1 },
    ],
  }),
  truncate: flag('truncate', false, 'cut an input that is longer than the context'),
  truncation_direction: field('which end to cut: Left or Right', {
    enum: ['Left', 'Right', 'left', 'right', null],
  }),
  prompt_name: field('prompt to put around inputs that are texts', {
    anyOf: [{ type: 'string' }, { type: 'null' }],
  }),
};

/** POST /embed of text-embeddings-inference. */
export const teiEmbedBody = v.object(
  { ...teiInputs, normalize: flag('normalize', true, 'scale vectors to the Euclidean length 1'), dimensions },
  absent,
);

/** POST /embed_sparse of text-embeddings-inference. */
export const teiEmbedSparseBody = v.object(
  {
    ...teiInputs,
    input_type: field('whether the inputs are queries or documents', { anyOf: [{ type: 'string' }, { type: 'null' }] }),
  },
  absent,
);

/** POST /api/embed of Ollama. */
export const ollamaEmbedBody = v.object(
  {
    model,
    input: required('a text or a list of them', texts),
    truncate: flag('truncate', true, 'cut an input that is longer than the context'),
    dimensions,
    keep_alive: field('has no effect', { anyOf: [{ type: 'string' }, { type: 'number' }] }),
    options: field('has no effect', { type: 'object' }),
  },
  absent,
);
