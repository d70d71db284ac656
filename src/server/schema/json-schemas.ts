/**
 * @file JSON Schemas of the request bodies, for /openapi.json.
 */
import { cohereRerankBody, ollamaEmbedBody, teiEmbedBody, teiEmbedSparseBody } from './adapter-bodies.ts';
import { detokenizeBody, embeddingsBody, loraList, rerankBody, tokenizeBody } from './bodies.ts';
import { partSchema } from './input-schemas.ts';

/** A JSON Schema, as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of the input of a schema that checks requests. It loads the converter on demand, because few servers need it. */
export async function bodySchemas() {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  const schemaOf = (body: Parameters<typeof toJsonSchema>[0]): JsonSchema => {
    const { $schema: _, ...schema } = toJsonSchema(body, {
      target: 'draft-2020-12',
      typeMode: 'input',
      ignoreActions: ['to_lower_case', 'finite'],
    });
    return schema;
  };
  return {
    embeddings: withOtherInputs(schemaOf(embeddingsBody)),
    rerank: schemaOf(rerankBody),
    lora: schemaOf(loraList),
    tokenize: schemaOf(tokenizeBody),
    detokenize: schemaOf(detokenizeBody),
    cohereRerank: schemaOf(cohereRerankBody),
    teiEmbed: schemaOf(teiEmbedBody),
    teiEmbedSparse: schemaOf(teiEmbedSparseBody),
    ollamaEmbed: schemaOf(ollamaEmbedBody),
  };
}

const messagesSchema = {
  type: 'array',
  description:
    "in the place of input: the turns of a chat, which become one input in the layout of the model's chat template",
  minItems: 1,
  items: {
    type: 'object',
    properties: {
      role: { type: 'string' },
      content: {
        anyOf: [{ type: 'string' }, partSchema, { type: 'array', items: { anyOf: [{ type: 'string' }, partSchema] } }],
      },
    },
    required: ['role'],
  },
};

/** The bodies of embeddings have their input under one of three names; the schema that checks requests sees `input` alone. */
function withOtherInputs({ properties, required: _, ...schema }: JsonSchema): JsonSchema {
  const { input, ...others } = properties as Record<string, JsonSchema>;
  return {
    ...schema,
    properties: {
      input,
      content: { ...input, description: "llama-server's name of input" },
      messages: messagesSchema,
      add_generation_prompt: {
        type: 'boolean',
        default: false,
        description: 'whether messages end with an open answer',
      },
      continue_final_message: {
        type: 'boolean',
        default: false,
        description: 'whether the last of messages stays open',
      },
      ...others,
    },
    anyOf: [{ required: ['input'] }, { required: ['content'] }, { required: ['messages'] }],
  };
}
