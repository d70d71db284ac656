// Models of well-known shapes for speed only: real quantised blocks (of normally distributed data) repeated, real
// vocabularies, sane norms. Both sides compute the same network; its vectors mean nothing.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

const encoder = (nEmbd, nFf, nHead, nLayer) => ({ nEmbd, nFf, nHead, nHeadKv: nHead, headSize: nEmbd / nHead, nLayer });

const bundled = 'models/all-MiniLM-L6-v2-Q8_0.gguf';

const qwen3 = (nEmbd, nFf, nHead, nLayer) => ({
  arch: 'qwen3',
  ...encoder(nEmbd, nFf, nHead, nLayer),
  nHeadKv: 8,
  headSize: 128,
  vocabulary: 'test/fixtures/models/qwen3.gguf',
});

/** Shapes by name. `vocabulary` is the file whose tokenizer is taken over. */
const shapes = {
  minilm: { arch: 'bert', ...encoder(384, 1536, 12, 6), nCtx: 512, vocabulary: bundled },
  'bge-base': { arch: 'bert', ...encoder(768, 3072, 12, 12), nCtx: 512, vocabulary: bundled },
  nomic: { arch: 'nomic-bert', ...encoder(768, 3072, 12, 12), nCtx: 8192, vocabulary: bundled },
  'qwen3-0.6b': { ...qwen3(1024, 3072, 16, 28), nCtx: 32768 },
  'qwen3-4b': { ...qwen3(2560, 9728, 32, 36), nCtx: 40960 },
  // Larger than a WebAssembly memory: 5 GB of Q4_K_M.
  'qwen3-8b': { ...qwen3(4096, 12288, 32, 36), nCtx: 40960 },
};

// With as many tokens as the published model; those that the tokenizer lacks are unused ones.
shapes['qwen3-0.6b-full'] = { ...shapes['qwen3-0.6b'], nVocab: 151669 };

/** Metadata keys of an architecture. */
function keysOf({ arch, nEmbd, nFf, nHead, nHeadKv, headSize, nLayer, nCtx }) {
  const u32 = (value) => ({ type: 'uint32', value });
  const f32 = (value) => ({ type: 'float32', value });
  const common = {
    context_length: u32(nCtx),
    embedding_length: u32(nEmbd),
    block_count: u32(nLayer),
    feed_forward_length: u32(nFf),
    'attention.head_count': u32(nHead),
    pooling_type: u32(arch === 'qwen3' ? 3 : 1),
  };
  const own = {
    bert: { 'attention.layer_norm_epsilon': f32(1e-12), 'attention.causal': { type: 'bool', value: false } },
    'nomic-bert': {
      'attention.layer_norm_epsilon': f32(1e-12),
      'attention.causal': { type: 'bool', value: false },
      'rope.freq_base': f32(1000),
    },
    qwen3: {
      'attention.layer_norm_rms_epsilon': f32(1e-6),
      'attention.head_count_kv': u32(nHeadKv),
      'attention.key_length': u32(headSize),
      'attention.value_length': u32(headSize),
      'rope.freq_base': f32(1e6),
    },
  }[arch];
  return Object.entries({ ...common, ...own }).map(([key, value]) => [`${arch}.${key}`, value]);
}

/** `[name, shape]` of each tensor. */
function tensorsOf({ arch, nEmbd, nFf, nHead, nHeadKv, headSize, nLayer, nCtx }, nVocab) {
  const list = [['token_embd.weight', [nEmbd, nVocab]]];
  const norm = (name) => list.push([`${name}.weight`, [nEmbd]], [`${name}.bias`, [nEmbd]]);
  const linear = (name, nIn, nOut, bias) =>
    list.push([`${name}.weight`, [nIn, nOut]], ...(bias ? [[`${name}.bias`, [nOut]]] : []));
  if (arch !== 'qwen3') {
    list.push(['token_types.weight', [nEmbd, 2]]);
    if (arch === 'bert') list.push(['position_embd.weight', [nEmbd, nCtx]]);
    norm('token_embd_norm');
  } else list.push(['output_norm.weight', [nEmbd]]);
  for (let il = 0; il < nLayer; il++) {
    const blk = `blk.${il}`;
    if (arch === 'qwen3') {
      list.push([`${blk}.attn_norm.weight`, [nEmbd]], [`${blk}.ffn_norm.weight`, [nEmbd]]);
      list.push([`${blk}.attn_q_norm.weight`, [headSize]], [`${blk}.attn_k_norm.weight`, [headSize]]);
      linear(`${blk}.attn_q`, nEmbd, headSize * nHead);
      linear(`${blk}.attn_k`, nEmbd, headSize * nHeadKv);
      linear(`${blk}.attn_v`, nEmbd, headSize * nHeadKv);
      linear(`${blk}.attn_output`, headSize * nHead, nEmbd);
    } else if (arch === 'bert') {
      for (const part of ['q', 'k', 'v']) linear(`${blk}.attn_${part}`, nEmbd, nEmbd, true);
      linear(`${blk}.attn_output`, nEmbd, nEmbd, true);
    } else {
      linear(`${blk}.attn_qkv`, nEmbd, 3 * nEmbd);
      linear(`${blk}.attn_output`, nEmbd, nEmbd);
    }
    if (arch !== 'qwen3') norm(`${blk}.attn_output_norm`);
    if (arch !== 'bert') linear(`${blk}.ffn_gate`, nEmbd, nFf);
    linear(`${blk}.ffn_up`, nEmbd, nFf, arch === 'bert');
    linear(`${blk}.ffn_down`, nFf, nEmbd, arch === 'bert');
    if (arch !== 'qwen3') norm(`${blk}.layer_output_norm`);
  }
  return list;
}

/** Blocks of a type as ggml's quantiser made them, those whose values have the size of weights. */
function blocksOf(type) {
  const folder = join(root, 'test/fixtures/dequant');
  const { n_quantised_blocks: n } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))[type.name];
  const bytes = readFileSync(join(folder, `${type.name}.bin`));
  const file = readFileSync(join(folder, `${type.name}.f32`));
  const values = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
  const blocks = [];
  for (let b = 0; b < n; b++) {
    const block = values.subarray(b * type.blockSize, (b + 1) * type.blockSize);
    const size = Math.sqrt(block.reduce((sum, v) => sum + v * v, 0) / block.length);
    if (size > 0.005 && size < 0.1) blocks.push(bytes.subarray(b * type.blockBytes, (b + 1) * type.blockBytes));
  }
  if (blocks.length === 0) throw new Error(`no ${type.name} block of the fixtures has the size of weights`);
  return blocks;
}

/** A value of the tokenizer, with `n` more tokens, which are unused (type 5). */
function extended(key, typed, n) {
  const more = { tokens: (i) => `[PAD${i}]`, token_type: () => 5, scores: () => 0 }[key.replace('tokenizer.ggml.', '')];
  if (more === undefined || n === 0) return typed;
  const { elementType, values } = typed.value;
  return {
    type: 'array',
    value: { elementType, values: [...values, ...Array.from({ length: n }, (_, i) => more(i))] },
  };
}

/**
 * Path of a model of this shape and type in `folder`, made on first use.
 * @param typeName as `quantize` takes it (mixes such as Q4_K_M included), or any ggml type for all matrices
 */
export async function makeSynthetic(shapeName, typeName, folder) {
  const shape = shapes[shapeName];
  if (!shape) throw new Error(`no shape ${shapeName}: there are ${Object.keys(shapes).join(', ')}`);
  // A file made before a change of the shape has another name.
  const contents = JSON.stringify([keysOf(shape), tensorsOf(shape, shape.nVocab ?? 0)]);
  const digest = createHash('sha256').update(contents).digest('hex').slice(0, 8);
  const path = join(folder, `synthetic-${shapeName}-${typeName}-${digest}.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const { ggmlTypes, openGguf } = await import('../../build/modules/gguf/index.js');
  const { openFile } = await import('../../build/modules/gguf/file.node.js');
  const { GgufWriter } = await import('../../build/modules/gguf/writer.js');
  const { chooseTypes, findTargetType } = await import('../../build/modules/quantize/types.js');
  const { codecs } = await import('../../build/modules/tensor/codecs/index.js');

  const model = await openGguf(await openFile(join(root, shape.vocabulary)));
  const nTokens = model.metadata.strings('tokenizer.ggml.tokens').length;
  const { nVocab = nTokens } = shape;
  const tensors = tensorsOf(shape, nVocab);
  const keys = new Map([['general.architecture', { type: 'string', value: shape.arch }], ...keysOf(shape)]);
  const infos = new Map(tensors.map(([name, dims]) => [name, { name, shape: dims, type: ggmlTypes.F32 }]));
  const fileType = findTargetType(typeName);
  const types = new Map();
  if (fileType) {
    const metadata = {
      string: (key) => keys.get(key)?.value,
      u32: (key) => keys.get(key)?.value,
      valueType: (key) => keys.get(key)?.type,
    };
    for (const { info, type } of chooseTypes({ name: path, metadata, tensors: infos }, fileType))
      types.set(info.name, type);
  } else {
    const type = ggmlTypes[typeName];
    if (type === undefined)
      throw new Error(`no type ${typeName}: there are ${Object.keys(ggmlTypes).join(', ')}, and mixes such as Q4_K_M`);
    const fallback = ggmlTypes[{ Q2_K: 'Q4_0', Q3_K: 'IQ4_NL', IQ4_XS: 'IQ4_NL' }[typeName] ?? 'Q4_0'];
    for (const [name, { shape: dims }] of infos) {
      const plain = dims.length < 2 || /position_embd|token_types/.test(name);
      types.set(name, plain ? ggmlTypes.F32 : dims[0] % type.blockSize === 0 ? type : fallback);
    }
  }

  const handle = openSync(`${path}.part`, 'w');
  const writer = new GgufWriter({ write: async (bytes) => void writeSync(handle, bytes) });
  for (const [key, value] of keys) writer.set(key, value);
  for (const key of model.metadata.keys()) {
    if (key.startsWith('tokenizer.')) writer.set(key, extended(key, model.metadata.typed(key), nVocab - nTokens));
  }
  for (const [name, dims] of tensors) writer.addTensor(name, types.get(name), dims);
  await writer.writeHeader();
  const pools = new Map();
  let turn = 0;
  for (const [name, dims] of tensors) {
    const type = types.get(name);
    const nBlocks = dims.reduce((product, n) => product * n, 1) / type.blockSize;
    const data = Buffer.alloc(nBlocks * type.blockBytes);
    if (/norm\.weight$/.test(name)) codecs.F32.quantize(new Float32Array(nBlocks).fill(1), data, nBlocks);
    else if (type.name === 'F32')
      codecs.F32.quantize(
        Float32Array.from({ length: nBlocks }, (_, i) => 0.05 * Math.sin(i * 12.9898 + turn)),
        data,
        nBlocks,
      );
    else if (type.blockSize === 1) {
      const values = Float32Array.from({ length: nBlocks }, (_, i) => 0.05 * Math.sin(i * 78.233 + turn));
      codecs[type.name].quantize(values, data, nBlocks);
    } else {
      if (!pools.has(type.name)) pools.set(type.name, blocksOf(type));
      const pool = pools.get(type.name);
      // A stride that shares no factor with the pool's size, so that rows differ.
      for (let b = 0; b < nBlocks; b++) pool[(b * 7919 + turn) % pool.length].copy(data, b * type.blockBytes);
    }
    turn += 13;
    await writer.writeTensor(name, [data]);
  }
  await writer.finish();
  closeSync(handle);
  await model.close();
  renameSync(`${path}.part`, path);
  return path;
}
