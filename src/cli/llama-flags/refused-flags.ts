/**
 * @file Flags of llama.cpp's programs that are refused: without them the result would be another than the user asks for, or none.
 */
import type { FlagGroup } from './flag-group.ts';

/** Refused with the reason. */
export const refusedFlags: readonly FlagGroup[] = [
  {
    why: 'control vectors are not supported',
    flags: [
      ['--control-vector', 1],
      ['--control-vector-scaled', 1],
      ['--control-vector-layer-range', 2],
    ],
  },
  {
    why: 'models do not come from Docker: give a repository of the Hugging Face hub with -hf, or a URL with -mu',
    flags: [['-dr, --docker-repo', 1, 'LLAMA_ARG_DOCKER_REPO']],
  },
  {
    why: 'give the model of the preset with -hf ggml-org/embeddinggemma-300M-qat-q4_0-GGUF',
    flags: [['--embd-gemma-default', 0]],
  },
  {
    why: 'give the model of the preset with -hf ggml-org/bge-small-en-v1.5-Q8_0-GGUF',
    flags: [['--embd-bge-small-en-default', 0]],
  },
  {
    why: 'give the model of the preset with -hf ggml-org/e5-small-v2-Q8_0-GGUF',
    flags: [['--embd-e5-small-en-default', 0]],
  },
  {
    why: 'give the model of the preset with -hf ggml-org/gte-small-Q8_0-GGUF',
    flags: [['--embd-gte-small-default', 0]],
  },
  {
    why: 'the preset is a model that generates text, and this program generates none',
    flags: [
      ['--fim-qwen-1.5b-default', 0],
      ['--fim-qwen-3b-default', 0],
      ['--fim-qwen-7b-default', 0],
      ['--fim-qwen-7b-spec', 0],
      ['--fim-qwen-14b-spec', 0],
      ['--fim-qwen-30b-default', 0],
      ['--gpt-oss-20b-default', 0],
      ['--gpt-oss-120b-default', 0],
      ['--vision-gemma-4b-default', 0],
      ['--vision-gemma-12b-default', 0],
    ],
  },
  {
    why: 'there is no completion script',
    flags: [['--completion-bash', 0]],
  },
  {
    why: 'llama-server has removed it',
    flags: [
      ['--draft, --draft-n, --draft-max', 1, 'LLAMA_ARG_DRAFT_MAX'],
      ['--draft-min, --draft-n-min', 1, 'LLAMA_ARG_DRAFT_MIN'],
      ['--spec-ngram-size-n', 1],
      ['--spec-ngram-size-m', 1],
      ['--spec-ngram-min-hits', 1],
    ],
  },
  {
    why: 'attention masks follow the file',
    flags: [['--attention', 1]],
  },
  {
    why: 'embed takes no pairs: rank documents with the command rerank',
    flags: [['--cls-separator', 1]],
  },
  {
    why: 'the output is the second argument: gguf-embed convert FOLDER OUT',
    flags: [['--outfile', 1]],
  },
];
