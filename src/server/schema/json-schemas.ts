/**
 * @file JSON Schemas of the request bodies, for /openapi.json.
 */
import { cohereRerankBody, ollamaEmbedBody, teiEmbedBody } from './adapter-bodies.ts';
import { detokenizeBody, embeddingsBody, rerankBody, tokenizeBody } from './bodies.ts';

/** A JSON Schema, as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of the input of a schema that checks requests. It loads the converter on demand, because few servers need it. */
export async function bodySchemas() {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  const schemaOf = (body: Parameters<typeof toJsonSchema>[0]): JsonSchema => {
    const { $schema: _, ...schema } = toJsonSchema(body, {
      target: 'draft-2020-12',
      typeMode: 'input',
      ignoreActions: ['to_lower_case'],
    });
    return schema;
  };
  return {
    embeddings: schemaOf(embeddingsBody),
    rerank: schemaOf(rerankBody),
    tokenize: schemaOf(tokenizeBody),
    detokenize: schemaOf(detokenizeBody),
    cohereRerank: schemaOf(cohereRerankBody),
    teiEmbed: schemaOf(teiEmbedBody),
    ollamaEmbed: schemaOf(ollamaEmbedBody),
  };
}
