/**
 * @file llama-embed-nemotron (Babakhin et al. 2025), llama-nemotron-embed and llama-nemotron-rerank: LLaMA whose tokens see the whole text if the
 * file says `attention.causal = false`. The reranker's head is a linear layer over the row that the file names.
 */
import { printable } from '../gguf/errors.ts';
import type { PoolKind } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { ModelError } from './errors.ts';
import { declareFreqFactors } from './llama.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import type { WeightLoader } from './weights.ts';

export const llamaEmbed: Architecture = {
  id: 'llama-embed',
  build: (loader) =>
    buildDecoder(loader, {
      rope: 'norm',
      freqFactors: declareFreqFactors(loader),
      classifier: () => declareScore(loader),
    }),
};

const ROW_KEY = 'gguf_embed.classifier.row';
const rows = ['cls', 'mean', 'last'] as const satisfies readonly PoolKind[];

/** `cls.output` over a row of the hidden states, the first unless the file names another. @throws ModelError for a row that is not known */
function declareScore(loader: WeightLoader): Classifier {
  const { nEmbd, nClsOut } = loader.hparams;
  const name = loader.keys.metadata.string(ROW_KEY) ?? 'cls';
  const row = rows.find((one) => one === name);
  if (row === undefined) {
    throw new ModelError(`${ROW_KEY} is ${printable(name)}; supported are ${rows.join(', ')}`, { key: ROW_KEY });
  }
  const output = loader.optional('cls.output', (tensor) => loader.linear(tensor, nEmbd, nClsOut, 'none'));
  return { ...noClassifier(loader), row, output };
}
