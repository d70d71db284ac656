/**
 * @file A BERT of any shape with random weights, out of the backend's operations: speed does not depend on the values.
 */

/** Published shapes. */
export const shapes = {
  'MiniLM-L6': { nLayer: 6, nEmbd: 384, nFf: 1536, nHead: 12 },
  'BGE-base': { nLayer: 12, nEmbd: 768, nFf: 3072, nHead: 12 },
};

/** A tensor of random bytes; every f16 in it is small and finite. */
export function randomWeight(types, name, type, shape) {
  const { blockSize, blockBytes } = types[type];
  const byteLength = (shape.reduce((product, n) => product * n, 1) / blockSize) * blockBytes;
  return {
    name,
    type: types[type],
    shape,
    byteLength,
    async read(_offset, into) {
      for (let i = 0; i < into.length; i++) into[i] = ((i * 2654435761) >>> 13) & 255;
      if (type === 'F16' || type === 'F32') {
        const step = type === 'F16' ? 2 : 4;
        for (let i = step - 1; i < into.length; i += step) into[i] = (into[i] & 0x80) | (step === 2 ? 0x28 : 0x3c);
      } else {
        for (let i = 0; i < into.length; i += blockBytes) into[i + 1] = 0x14;
        if (type === 'Q4_K') for (let i = 0; i < into.length; i += blockBytes) into[i + 3] = 0x14;
      }
    },
  };
}

/** A function that makes a filled weight with random values, by name, type, shape and role. */
export function weightMaker(backend, types) {
  return async (name, type, shape, role) => {
    const source = randomWeight(types, name, type, shape);
    const weight = backend.allocate(source, role);
    await backend.fill(weight, source);
    return weight;
  };
}

/** `forward(batch)`: the hidden states' mean of each sequence. */
export async function syntheticBert(backend, types, { nLayer, nEmbd, nFf, nHead }, type) {
  const { ops } = backend;
  const make = weightMaker(backend, types);
  const vector = (name, n) => make(name, 'F32', [n], 'vector');
  const linear = async (name, nIn, nOut) => ({
    weight: await make(name, type, [nIn, nOut], 'matrix'),
    bias: await vector(`${name}.bias`, nOut),
  });
  const norm = async (name) => ({ weight: await vector(name, nEmbd), bias: await vector(`${name}.bias`, nEmbd) });
  const table = await make('token_embd', 'F16', [nEmbd, 1024], 'table');
  const layers = [];
  for (let i = 0; i < nLayer; i++) {
    layers.push({
      qkv: await linear(`qkv-${i}`, nEmbd, 3 * nEmbd),
      out: await linear(`out-${i}`, nEmbd, nEmbd),
      up: await linear(`up-${i}`, nEmbd, nFf),
      down: await linear(`down-${i}`, nFf, nEmbd),
      norm1: await norm(`norm1-${i}`),
      norm2: await norm(`norm2-${i}`),
    });
  }
  const scale = 1 / Math.sqrt(nEmbd / nHead);
  return (batch) => {
    ops.begin(batch);
    let x = ops.embedding(table, 'ids');
    for (const w of layers) {
      const qkv = ops.linear(x, w.qkv);
      const [q, k, v] = [0, 1, 2].map((i) => ops.columns(qkv, i * nEmbd, nEmbd));
      const heads = ops.attention(q, k, v, { nHead, nHeadKv: nHead, scale });
      const h = ops.norm(ops.linear(heads, w.out), w.norm1, { kind: 'layer', eps: 1e-12, residual: x });
      const hidden = ops.linear(h, w.up, { activation: 'gelu' });
      x = ops.norm(ops.linear(hidden, w.down), w.norm2, { kind: 'layer', eps: 1e-12, residual: h });
    }
    return ops.read(ops.pool(x, 'mean'));
  };
}

/** `nSeq` sequences of `length` tokens. */
export function packed(nSeq, length) {
  const n = nSeq * length;
  return {
    ids: Int32Array.from({ length: n }, (_, i) => (i * 31) % 1000),
    positions: Int32Array.from({ length: n }, (_, i) => i % length),
    offsets: Int32Array.from({ length: nSeq + 1 }, (_, s) => s * length),
  };
}
