/** @file A small encoder with every kind of operation that crosses rows. JavaScript, because Node 20 starts no workers from TypeScript. */

export const sizes = { nEmbd: 64, nFf: 96, nHead: 4 };

/** Three layers, pooling, experts between two products of the same rows, and a head: `[nSeq, 5]`. */
export function encoder(ops, w, pooling = 'mean') {
  const pooled = ops.pool(layers(ops, w), pooling);
  const before = ops.linear(pooled, { weight: w.out });
  const experts = {
    router: w.router,
    up: w.expertUp,
    down: w.expertDown,
    nUsed: 2,
    activation: 'gelu',
    renormalise: true,
  };
  const mixed = ops.add(before, ops.moe(pooled, experts));
  const after = ops.linear(pooled, { weight: w.out }, { residual: mixed });
  return ops.linear(after, { weight: w.head }, { activation: 'tanh' });
}

/** The three layers: `[T, nEmbd]`. */
export function layers(ops, w) {
  const { nEmbd, nHead } = sizes;
  let x = ops.embedding(w.types, 'types', { add: ops.embedding(w.tok, 'ids') });
  for (let layer = 0; layer < 3; layer++) {
    const qkv = ops.linear(x, { weight: w.qkv });
    const [q, k, v] = [0, 1, 2].map((i) => ops.columns(qkv, i * nEmbd, nEmbd));
    const rope = { nHead, nRot: nEmbd / nHead, kind: 'neox', freqBase: 10000 };
    const window = layer === 1 ? { kind: 'symmetric', size: 40 } : undefined;
    const mixed = ops.attention(ops.rope(q, rope), ops.rope(k, rope), v, {
      nHead,
      nHeadKv: nHead,
      scale: 0.25,
      window,
      causal: layer === 0,
    });
    x = ops.norm(ops.linear(mixed, { weight: w.out }, { residual: x }), { weight: w.norm }, { kind: 'rms', eps: 1e-6 });
    const hidden = ops.linear(x, { weight: w.up, bias: w.bias }, { activation: 'gelu' });
    x = ops.norm(ops.linear(hidden, { weight: w.down }), { weight: w.norm }, { kind: 'layer', eps: 1e-6, residual: x });
  }
  return x;
}

/** A vision tower over given rows: `[nSeq, 2 · nEmbd]` of sequences of four patches. */
function tower(ops, w) {
  const { nEmbd } = sizes;
  let x = ops.linear(ops.given(0, nEmbd), { weight: w.out });
  x = ops.embedding(w.tok, { term: 0 }, { add: x });
  const coordinates = { kind: 'axes', sizes: [4, 4] };
  for (const within of ['window', 'image']) x = attend(ops, w, x, coordinates, { within });
  return ops.concat([ops.linear(ops.pool(x, 'concat'), { weight: w.merge }), ops.pool(x, 'mean')]);
}

/** A text model over embeddings and given rows, pooled. */
function withImages(ops, w, pooling) {
  const { nEmbd } = sizes;
  let x = ops.given(0, nEmbd, { instead: ops.embedding(w.tok, 'ids') });
  const coordinates = { kind: 'interleaved', sizes: [3, 3, 2, 0] };
  for (let layer = 0; layer < 2; layer++) {
    x = attend(ops, w, x, coordinates, { causal: true });
    x = ops.given(0, nEmbd, { add: x });
  }
  return ops.pool(x, pooling);
}

function attend(ops, w, x, coordinates, options) {
  const { nEmbd, nHead } = sizes;
  const qkv = ops.linear(ops.norm(x, { weight: w.norm }, { kind: 'rms', eps: 1e-6 }), { weight: w.qkv });
  const [q, k, v] = [0, 1, 2].map((i) => ops.columns(qkv, i * nEmbd, nEmbd));
  const rope = { nHead, nRot: nEmbd / nHead, kind: 'neox', freqBase: 10000, coordinates };
  const mixed = ops.attention(ops.rope(q, rope), ops.rope(k, rope), v, {
    nHead,
    nHeadKv: nHead,
    scale: 0.25,
    ...options,
  });
  return ops.linear(mixed, { weight: w.out }, { residual: x });
}

/** Convolutions, causal and not, whose rows cross from one worker to the next; pooled. */
function convolutions(ops, w, pooling) {
  let x = ops.embedding(w.tok, 'ids');
  for (const causal of [true, false, false]) {
    const bcx = ops.linear(ops.norm(x, { weight: w.norm }, { kind: 'rms', eps: 1e-6 }), { weight: w.qkv });
    x = ops.linear(ops.shortConv(bcx, w.taps, { causal }), { weight: w.out }, { residual: x });
    x = ops.linear(ops.unfold(x, 4), { weight: w.merge }, { activation: 'tanh', residual: x });
  }
  return ops.pool(x, pooling);
}

/** What a worker may be asked to compute. */
export const graphs = { encoder, tower, withImages, convolutions };
