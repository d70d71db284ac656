/**
 * @file GET /models: the model in the formats of Ollama and OpenAI at once, as llama-server gives it; and OpenAI's GET
 * /v1/models/{id}.
 */
import type { Engine } from '../engine.ts';
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';
import type { ModelState } from '../state.ts';

/** llama.cpp's numbers for the types of vocabulary. */
const vocabTypes = { spm: 1, bpe: 2, wordpiece: 3, unigram: 4, rwkv: 5, plamo2: 6 } as const;

/** The body of the answer. */
export function modelList({ state }: RequestContext): string {
  const { name } = state;
  return JSON.stringify({
    models: [
      {
        name,
        model: name,
        modified_at: '',
        size: '',
        digest: '',
        type: 'model',
        description: '',
        tags: [''],
        capabilities: state.engine.info.vision === undefined ? ['completion'] : ['completion', 'multimodal'],
        parameters: '',
        details: {
          parent_model: '',
          format: 'gguf',
          family: '',
          families: [''],
          parameter_size: '',
          quantization_level: '',
        },
      },
    ],
    object: 'list',
    data: [modelEntry(state)],
  });
}

/**
 * GET /v1/models/{id}.
 * @throws HttpError (404) for an id that is not a name of the model
 */
export function modelById({ state, param }: RequestContext): string {
  const id = param('id') ?? '';
  if (state.aliases.includes(id)) return JSON.stringify(modelEntry(state));
  throw new HttpError(
    'not_found_error',
    `The model '${id}' does not exist: this server has ${state.aliases.join(', ')}`,
  );
}

function modelEntry({ name, aliases, engine, settings }: ModelState) {
  return {
    id: name,
    aliases,
    tags: settings.tags,
    object: 'model',
    created: Math.floor(Date.now() / 1000),
    owned_by: 'llamacpp',
    meta: modelMeta(engine),
  };
}

/** What llama-server's lists say of a loaded model. */
export function modelMeta({ info, tokenizer }: Engine) {
  return {
    vocab_type: vocabTypes[tokenizer.vocab.kind],
    n_vocab: info.nVocab,
    n_ctx: info.nCtx,
    n_ctx_train: info.nCtxTrain,
    n_embd: info.nEmbdOut,
    n_params: info.nParams,
    size: info.size,
    ftype: info.ftype,
  };
}
