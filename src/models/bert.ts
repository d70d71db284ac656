/**
 * @file BERT (Devlin et al. 2018) and models of the same form: RoBERTa, XLM-R, DistilBERT, MiniLM, E5, BGE, Arctic…
 *
 * Post-norm encoder with learned positions and a GELU feed-forward. The converter has already removed RoBERTa's position offset from the
 * table.
 */
import type { Architecture, Model } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { geluOf } from './gelu.ts';
import { bertNames } from './names/bert.ts';
import { declareClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';
import type { SelfAttentionOptions } from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

/** A BERT; `attention` adds what models of the same form have beside it. */
export function buildBert(loader: WeightLoader, attention?: SelfAttentionOptions): Model {
  const { nEmbd, nFf, nCtxTrain } = loader.hparams;
  const gelu = geluOf(loader);
  return buildPostNorm(loader, {
    positions: () => loader.table('position_embd', nEmbd, nCtxTrain),
    attention,
    declareFeedForward: (blk, il) => ({
      up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
    }),
    feedForward: (ops, x, w) => mlp(ops, x, w, gelu),
    classifier: () => declareClassifier(loader),
    names: bertNames,
  });
}

export const bert: Architecture = { id: 'bert', build: (loader) => buildBert(loader) };
