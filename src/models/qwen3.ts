/**
 * @file Qwen3-Embedding and Qwen3-Reranker (Zhang et al. 2025), F2LLM: LLaMA's block with an RMS norm of each query and key
 * head. The reranker's two outputs are the language model's logits of "yes" and "no" at the last token; its score is the
 * probability of "yes".
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { type Classifier, noClassifier } from './pooling.ts';

export const qwen3: Architecture = {
  id: 'qwen3',
  build(loader) {
    const { nEmbd, nClsOut } = loader.hparams;
    const classifier = (): Classifier => ({
      ...noClassifier(loader),
      row: 'last',
      output: loader.optional('cls.output', (name) => loader.linear(name, nEmbd, nClsOut, 'none')),
      softmax: true,
    });
    return buildDecoder(loader, { rope: 'neox', qkNorms: true, classifier });
  },
};
