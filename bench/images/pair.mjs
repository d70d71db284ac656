// A vision tower of the shape of Qwen3-VL-Embedding-2B's with weights drawn at random (for speed only: its rows mean nothing), and pictures.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { zlibSync } from 'fflate';
import { createFile } from '../../build/modules/gguf/create-file.node.js';
import { GgufWriter, ggmlTypes } from '../../build/modules/gguf/index.js';
import { f32ToF16 } from '../../build/modules/tensor/codecs/half.js';

const [nEmbd, nFf, patch, nEmbdText, nPositions] = [1024, 4096, 16, 2048, 2304];
const deepstack = [5, 11, 17];
/** Values that are drawn; tensors repeat them from different places. */
const POOL = 1 << 20;

/** Writes the tower with `nLayer` layers to `path` unless it is there; matrices are F16, as in published files. */
export async function writeTower(path, nLayer) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const sink = await createFile(`${path}.part`, []);
  const writer = new GgufWriter(sink);
  const set = (key, type, value) => writer.set(key, { type, value });
  const floats = (values) => ({ elementType: 'float32', values: Float32Array.from(values) });
  set('general.architecture', 'string', 'clip');
  set('general.type', 'string', 'mmproj');
  set('general.file_type', 'uint32', 1);
  set('clip.has_vision_encoder', 'bool', true);
  set('clip.projector_type', 'string', 'qwen3vl_merger');
  set('clip.use_gelu', 'bool', true);
  const sizes = {
    image_size: 768,
    patch_size: patch,
    embedding_length: nEmbd,
    feed_forward_length: nFf,
    block_count: nLayer,
    'attention.head_count': 16,
    projection_dim: nEmbdText,
    spatial_merge_size: 2,
  };
  for (const [key, value] of Object.entries(sizes)) set(`clip.vision.${key}`, 'uint32', value);
  set('clip.vision.attention.layer_norm_epsilon', 'float32', 1e-6);
  for (const key of ['image_mean', 'image_std']) set(`clip.vision.${key}`, 'array', floats([0.5, 0.5, 0.5]));
  const tensors = tensorsOf(nLayer);
  for (const { name, type, shape } of tensors) writer.addTensor(name, type, shape);
  await writer.writeHeader();
  const random = drawValues();
  for (const [i, tensor] of tensors.entries()) await writer.writeTensor(tensor.name, valuesOf(tensor, i, random));
  writer.finish();
  await sink.commit();
  renameSync(`${path}.part`, path);
}

function tensorsOf(nLayer) {
  const tensors = [];
  const add = (name, shape, type = ggmlTypes.F16) => tensors.push({ name, shape, type });
  const linear = (name, nIn, nOut) => {
    add(`${name}.weight`, [nIn, nOut]);
    add(`${name}.bias`, [nOut], ggmlTypes.F32);
  };
  const norm = (name, n) => {
    for (const kind of ['weight', 'bias']) add(`${name}.${kind}`, [n], ggmlTypes.F32);
  };
  add('v.patch_embd.weight', [patch, patch, 3, nEmbd]);
  add('v.patch_embd.weight.1', [patch, patch, 3, nEmbd]);
  add('v.patch_embd.bias', [nEmbd], ggmlTypes.F32);
  add('v.position_embd.weight', [nEmbd, nPositions], ggmlTypes.F32);
  for (let il = 0; il < nLayer; il++) {
    norm(`v.blk.${il}.ln1`, nEmbd);
    norm(`v.blk.${il}.ln2`, nEmbd);
    linear(`v.blk.${il}.attn_qkv`, nEmbd, 3 * nEmbd);
    linear(`v.blk.${il}.attn_out`, nEmbd, nEmbd);
    linear(`v.blk.${il}.ffn_up`, nEmbd, nFf);
    linear(`v.blk.${il}.ffn_down`, nFf, nEmbd);
  }
  for (const il of deepstack.filter((layer) => layer < nLayer)) {
    norm(`v.deepstack.${il}.norm`, 4 * nEmbd);
    linear(`v.deepstack.${il}.fc1`, 4 * nEmbd, 4 * nEmbd);
    linear(`v.deepstack.${il}.fc2`, 4 * nEmbd, nEmbdText);
  }
  norm('v.post_ln', nEmbd);
  linear('mm.0', 4 * nEmbd, 4 * nEmbd);
  linear('mm.2', 4 * nEmbd, nEmbdText);
  return tensors;
}

/** Values of about the size of a trained tower's: 0.02 as the deviation. */
function drawValues() {
  const values = new Float32Array(POOL);
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < POOL; i++) values[i] = 0.04 * (uniform() + uniform() + uniform() - 1.5);
  const halves = Uint16Array.from(values, f32ToF16);
  return { values, halves };
}

function* valuesOf({ name, shape, type }, seed, { values, halves }) {
  const n = shape.reduce((product, side) => product * side, 1);
  if (/(norm|ln\d?)\.weight$/.test(name)) {
    yield new Uint8Array(new Float32Array(n).fill(1).buffer);
    return;
  }
  const pool = type === ggmlTypes.F16 ? halves : values;
  for (let first = 0, at = (seed * 7919) % POOL; first < n; ) {
    const count = Math.min(POOL - at, n - first);
    yield new Uint8Array(pool.slice(at, at + count).buffer);
    first += count;
    at = 0;
  }
}

/** Writes a picture with a side of `side` pixels as PNG: soft gradients with grain, as in a photograph. */
export function writePicture(path, side) {
  const rows = new Uint8Array(side * (1 + 3 * side));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let c = 0; c < 3; c++) {
        const wave = Math.sin((x * (c + 1)) / 37) + Math.cos((y * (3 - c)) / 53);
        rows[y * (1 + 3 * side) + 1 + 3 * x + c] = 128 + 55 * wave + (((x * 73) ^ (y * 151) ^ (c * 29)) % 9);
      }
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, side);
  header.setUint32(4, side);
  header.setUint8(8, 8);
  header.setUint8(9, 2);
  const chunks = [
    chunk('IHDR', new Uint8Array(header.buffer)),
    chunk('IDAT', zlibSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ];
  writeFileSync(path, Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...chunks]));
}

function chunk(type, data) {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
  bytes.writeUInt32BE(data.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
