/**
 * @file Static embeddings (Model2Vec, sentence-transformers' `StaticEmbedding`): a table of one vector a token, and their mean. There are no
 * layers, and the order of the tokens does not matter.
 */
import type { Architecture } from './architecture.ts';
import { noClassifier } from './pooling.ts';

export const staticEmbedding: Architecture = {
  id: 'gguf-embed-static',
  hasLayers: false,
  build(loader) {
    const { hparams } = loader;
    const tokenEmbd = loader.table('token_embd', hparams.nEmbd, hparams.nVocab);
    return {
      hparams,
      names: { embedding: { token_embd: { out: 'inp_embd' } }, linear: {}, norm: {}, attention: {} },
      forward: (ops) => ops.embedding(tokenEmbd, 'ids'), // [T, nEmbd]
      heads: { classifier: noClassifier(loader) },
    };
  },
};
