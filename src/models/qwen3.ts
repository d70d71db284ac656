/**
 * @file Qwen3-Embedding and Qwen3-Reranker (Zhang et al. 2025), F2LLM: LLaMA's block with an RMS norm of each query and key
 * head. The reranker's two outputs are the language model's logits of "yes" and "no" at the last token; its score is the
 * probability of "yes".
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import type { WeightLoader } from './weights.ts';

export const qwen3: Architecture = {
  id: 'qwen3',
  build: (loader) => buildDecoder(loader, { rope: 'neox', qkNorms: true, classifier: () => declareYesNo(loader) }),
};

/** The reranker's head: probabilities of the outputs at the last token. */
export function declareYesNo(loader: WeightLoader): Classifier {
  const { nEmbd, nClsOut } = loader.hparams;
  return {
    ...noClassifier(loader),
    row: 'last',
    output: loader.optional('cls.output', (name) => loader.linear(name, nEmbd, nClsOut, 'none')),
    softmax: true,
  };
}
