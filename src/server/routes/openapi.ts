/**
 * @file GET /openapi.json: a description of the routes, generated from the schemas that check requests.
 */
import { errorStatus } from '../errors.ts';
import type { RequestContext } from '../request.ts';
import { bodySchemas, type JsonSchema } from '../schema/json-schemas.ts';
import type { Settings } from '../state.ts';

interface Route {
  readonly paths: readonly string[];
  readonly method: 'get' | 'post' | 'delete';
  readonly summary: string;
  readonly body?: JsonSchema;
  readonly answer: JsonSchema;
  readonly contentType?: string;
  /** Default: llama-server's. */
  readonly error?: JsonSchema;
  /** Parameters of the query. */
  readonly query?: readonly string[];
}

const number = { type: 'number' };
const integer = { type: 'integer' };
const text = { type: 'string' };
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const object = (properties: Record<string, JsonSchema>, ...optional: string[]): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
const idParameter = { name: 'id', in: 'path', required: true, schema: text };
const usage = object({ prompt_tokens: integer, total_tokens: integer });
const truncated = { type: 'boolean', description: 'true if the input was truncated; otherwise absent' };
const rankedList = list(object({ index: integer, relevance_score: number, truncated }, 'truncated'));
const anyObject = { type: 'object' };
const ollamaError = object({ error: text });
const teiError = object({ error: text, error_type: text });

/** All routes, except those that only answer 501. */
function routes(bodies: Awaited<ReturnType<typeof bodySchemas>>): Route[] {
  return [
    {
      paths: ['/health', '/v1/health'],
      method: 'get',
      summary: 'Whether the model is loaded and the server does not drain',
      answer: object({ status: text }),
    },
    {
      paths: ['/v1/embeddings'],
      method: 'post',
      summary: "Vectors, in OpenAI's format",
      body: bodies.embeddings,
      answer: object({
        model: text,
        object: text,
        usage,
        data: list(
          object(
            {
              embedding: { anyOf: [list(number), text] },
              index: integer,
              object: text,
              encoding_format: text,
              truncated,
              sparse: object({ indices: list(integer), values: list(number) }),
              multi: list({ anyOf: [list(number), text] }),
            },
            'embedding',
            'sparse',
            'multi',
            'encoding_format',
            'truncated',
          ),
        ),
      }),
    },
    {
      paths: ['/embeddings', '/embedding'],
      method: 'post',
      summary: "Vectors, in llama-server's own format",
      body: bodies.embeddings,
      answer: list(object({ index: integer, embedding: list(list(number)), truncated }, 'truncated')),
    },
    {
      paths: ['/v1/rerank', '/v1/reranking', '/rerank', '/reranking'],
      method: 'post',
      summary: 'Scores of documents for a query, best first',
      body: bodies.rerank,
      answer: {
        anyOf: [
          object({
            model: text,
            object: text,
            usage,
            results: rankedList,
          }),
          object({ model: text, object: text, usage, data: rankedList }),
          list(object({ index: integer, score: number, text, truncated }, 'text', 'truncated')),
        ],
      },
    },
    ...adapterRoutes(bodies),
    {
      paths: ['/tokenize'],
      method: 'post',
      summary: 'The token ids of a text',
      body: bodies.tokenize,
      answer: object({
        tokens: list({ anyOf: [integer, object({ id: integer, piece: { anyOf: [text, list(integer)] } })] }),
      }),
    },
    {
      paths: ['/detokenize'],
      method: 'post',
      summary: 'The text of token ids',
      body: bodies.detokenize,
      answer: object({ content: text }),
    },
    { paths: ['/models', '/v1/models'], method: 'get', summary: 'The model', answer: anyObject },
    { paths: ['/v1/models/{id}'], method: 'get', summary: 'The model of this name', answer: anyObject },
    {
      paths: ['/lora-adapters'],
      method: 'get',
      summary: 'The LoRA adapters of the model and their scales',
      answer: list(object({ id: integer, path: text, scale: number, task_name: text, prompt_prefix: text })),
    },
    {
      paths: ['/lora-adapters'],
      method: 'post',
      summary: 'Scales for later requests without the field "lora"; adapters that the list does not name get 0',
      body: bodies.lora,
      answer: object({ success: { type: 'boolean' } }),
    },
    { paths: ['/props'], method: 'get', summary: 'Settings of the server', answer: anyObject },
    { paths: ['/slots'], method: 'get', summary: 'The load of the server', answer: list(anyObject) },
    { paths: ['/metrics'], method: 'get', summary: 'Counters for Prometheus', answer: text, contentType: 'text/plain' },
    { paths: ['/openapi.json'], method: 'get', summary: 'This description', answer: anyObject },
  ];
}

/** The routes of the APIs of other servers. */
function adapterRoutes(bodies: Awaited<ReturnType<typeof bodySchemas>>): Route[] {
  const vectors = list(list(number));
  return [
    {
      paths: ['/v2/rerank'],
      method: 'post',
      summary: "How well documents answer a query, in Cohere's format; scores are probabilities",
      body: bodies.cohereRerank,
      answer: object({
        id: text,
        results: list(object({ index: integer, relevance_score: number })),
        meta: anyObject,
      }),
      error: object({ message: text }),
    },
    {
      paths: ['/embed'],
      method: 'post',
      summary: 'Vectors, in the format of text-embeddings-inference',
      body: bodies.teiEmbed,
      answer: vectors,
      error: teiError,
    },
    {
      paths: ['/embed_sparse'],
      method: 'post',
      summary: 'Sparse vectors, in the format of text-embeddings-inference',
      body: bodies.teiEmbedSparse,
      answer: list(list(object({ index: integer, value: number }))),
      error: teiError,
    },
    {
      paths: ['/info'],
      method: 'get',
      summary: 'The model, in the format of text-embeddings-inference',
      answer: anyObject,
      error: teiError,
    },
    {
      paths: ['/api/embed'],
      method: 'post',
      summary: "Vectors, in Ollama's format",
      body: bodies.ollamaEmbed,
      answer: object({
        model: text,
        embeddings: vectors,
        total_duration: integer,
        load_duration: integer,
        prompt_eval_count: integer,
      }),
      error: ollamaError,
    },
    {
      paths: ['/api/tags'],
      method: 'get',
      summary: "The model, in Ollama's format",
      answer: object({ models: list(anyObject) }),
      error: ollamaError,
    },
    {
      paths: ['/api/version'],
      method: 'get',
      summary: "The version of Ollama's API",
      answer: object({ version: text }),
      error: ollamaError,
    },
  ];
}

/** The routes of a server of several models about its models. */
function routerRoutes(): Route[] {
  const body = object({ model: text });
  const answer = object({ success: { type: 'boolean' } });
  return [
    { paths: ['/models/load'], method: 'post', summary: 'Begins to load a model', body, answer },
    { paths: ['/models/unload'], method: 'post', summary: 'Unloads a model after its requests', body, answer },
    { paths: ['/models'], method: 'post', summary: 'Begins to download a model of the Hugging Face hub', body, answer },
    {
      paths: ['/models'],
      method: 'delete',
      summary: 'Unloads a model that was added, and deletes its files',
      query: ['model'],
      answer,
    },
    {
      paths: ['/models/sse'],
      method: 'get',
      summary: 'What happens to the models, as server-sent events',
      answer: text,
      contentType: 'text/event-stream',
    },
  ];
}

/** GET /openapi.json. */
export function openApi({ state }: RequestContext): Promise<string> {
  return describeApi(state.settings, state.name);
}

/** The description as OpenAPI 3.1 of a server of one model, `name`, or of several. */
export async function describeApi({ prefix, apiKeys }: Settings, name?: string): Promise<string> {
  const content = (schema: JsonSchema, type = 'application/json') => ({ [type]: { schema } });
  const paths: Record<string, Record<string, unknown>> = {};
  const all = [...routes(await bodySchemas()), ...(name === undefined ? routerRoutes() : [])];
  for (const { paths: names, method, summary, body, answer, contentType, error, query = [] } of all) {
    const inQuery = query.map((name) => ({ name, in: 'query', required: true, schema: text }));
    for (const path of names) {
      const parameters = [...(path.includes('{id}') ? [idParameter] : []), ...inQuery];
      (paths[prefix + path] ??= {})[method] = {
        summary,
        ...(parameters.length > 0 ? { parameters } : {}),
        ...(body ? { requestBody: { required: true, content: content(body) } } : {}),
        responses: {
          200: { description: 'Done', content: content(answer, contentType) },
          default: { description: 'Not done', content: content(error ?? { $ref: '#/components/schemas/Error' }) },
        },
      };
    }
  }
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'gguf-embed',
      version: '1',
      description: `Embeddings and reranking with ${name ?? 'several models'}`,
    },
    paths,
    components: {
      schemas: {
        Error: object({
          error: object(
            {
              code: integer,
              message: text,
              type: { type: 'string', enum: Object.keys(errorStatus) },
              n_prompt_tokens: integer,
              n_ctx: integer,
            },
            'n_prompt_tokens',
            'n_ctx',
          ),
        }),
      },
      ...(apiKeys.length > 0 ? { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } } : {}),
    },
    ...(apiKeys.length > 0 ? { security: [{ key: [] }] } : {}),
  });
}
