/**
 * @file GET /models: the model in the formats of Ollama and OpenAI at once, as llama-server gives it.
 */
import type { RequestContext } from '../request.ts';

/** llama.cpp's numbers for the kinds of vocabulary. */
const vocabTypes = { spm: 1, bpe: 2, wordpiece: 3, unigram: 4, rwkv: 5, plamo2: 6 } as const;

/** The body of the answer. */
export function modelList({ state: { name, aliases, engine, settings } }: RequestContext): string {
  const { info, tokenizer } = engine;
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
        capabilities: info.vision === undefined ? ['completion'] : ['completion', 'multimodal'],
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
    data: [
      {
        id: name,
        aliases,
        tags: settings.tags,
        object: 'model',
        created: Math.floor(Date.now() / 1000),
        owned_by: 'llamacpp',
        meta: {
          vocab_type: vocabTypes[tokenizer.vocab.kind],
          n_vocab: info.nVocab,
          n_ctx: info.nCtx,
          n_ctx_train: info.nCtxTrain,
          n_embd: info.nEmbd,
          n_params: info.nParams,
          size: info.size,
          ftype: info.ftype,
        },
      },
    ],
  });
}
