/**
 * @file Encoders of four families with random weights, out of the backend's operations, for counts of what a layer moves.
 */
import { weightMaker } from './synthetic.mjs';

const bert = { nEmbd: 768, nFf: 3072, nHead: 12, nHeadKv: 12, headSize: 64, kind: 'layer' };

/** Published shapes. `isPreNorm`: norms are in front of products, and their sums stay as they are. */
export const layerShapes = {
  'BERT-base': bert,
  'nomic-embed-text': { ...bert, isGated: true, isRotated: true },
  'ModernBERT-base': { ...bert, nFf: 1152, isGated: true, isRotated: true, isPreNorm: true },
  'Qwen3-0.6B': {
    nEmbd: 1024,
    nFf: 3072,
    nHead: 16,
    nHeadKv: 8,
    headSize: 128,
    kind: 'rms',
    isGated: true,
    isRotated: true,
    isPreNorm: true,
    normsHeads: true,
    causal: true,
  },
};

/** `forward(batch)` through `nLayer` layers of a shape: the hidden states' mean of each sequence. */
export async function syntheticLayers(backend, types, shape, nLayer, type) {
  const { nEmbd, nFf, nHead, nHeadKv, headSize, kind, isGated, isRotated, isPreNorm, normsHeads, causal } = shape;
  const { ops } = backend;
  const make = weightMaker(backend, types);
  const linear = async (name, nIn, nOut) => ({ weight: await make(name, type, [nIn, nOut], 'matrix') });
  const vector = async (name, n) => ({ weight: await make(name, 'F32', [n], 'vector') });
  const [nQ, nKv] = [nHead * headSize, nHeadKv * headSize];
  const table = await make('token_embd', 'F16', [nEmbd, 1024], 'table');
  const layers = [];
  for (let i = 0; i < nLayer; i++) {
    layers.push({
      qkv: await linear(`qkv-${i}`, nEmbd, nQ + 2 * nKv),
      q: await vector(`norm of queries-${i}`, headSize),
      k: await vector(`norm of keys-${i}`, headSize),
      out: await linear(`out-${i}`, nQ, nEmbd),
      up: await linear(`up-${i}`, nEmbd, isGated ? 2 * nFf : nFf),
      down: await linear(`down-${i}`, nFf, nEmbd),
      norm1: await vector(`norm1-${i}`, nEmbd),
      norm2: await vector(`norm2-${i}`, nEmbd),
    });
  }
  const norm = (x, weight, options) => ops.norm(x, weight, { kind, eps: 1e-6, ...options });
  const heads = (qkv, first, n, weight) => {
    let x = ops.columns(qkv, first, n * headSize);
    if (normsHeads) x = norm(x, weight, { groups: n });
    return isRotated ? ops.rope(x, { nHead: n, nRot: headSize, kind: 'neox', freqBase: 10000 }) : x;
  };
  const attend = (x, w) => {
    const qkv = ops.linear(x, w.qkv);
    const [q, k] = [heads(qkv, 0, nHead, w.q), heads(qkv, nQ, nHeadKv, w.k)];
    return ops.attention(q, k, ops.columns(qkv, nQ + nKv, nKv), { nHead, nHeadKv, scale: headSize ** -0.5, causal });
  };
  const hidden = (x, w) => {
    if (!isGated) return ops.linear(x, w.up, { activation: 'gelu' });
    const both = ops.linear(x, w.up);
    return ops.glu(ops.columns(both, 0, nFf), ops.columns(both, nFf, nFf), 'silu');
  };
  return (batch) => {
    ops.begin(batch);
    let x = ops.embedding(table, 'ids');
    for (const w of layers) {
      if (isPreNorm) {
        x = ops.linear(attend(norm(x, w.norm1), w), w.out, { residual: x });
        x = ops.linear(hidden(norm(x, w.norm2), w), w.down, { residual: x });
      } else {
        const h = norm(ops.linear(attend(x, w), w.out), w.norm1, { residual: x });
        x = norm(ops.linear(hidden(h, w), w.down), w.norm2, { residual: h });
      }
    }
    return ops.read(ops.pool(x, 'mean'));
  };
}
