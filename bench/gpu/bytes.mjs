/**
 * @file Counts the bytes that each launch of a layer reads and writes, without weights, for layers of four families. Needs no GPU: Dawn's null
 * adapter plans and launches everything, and computes nothing.
 *
 *   node bench/gpu/bytes.mjs [--modules DIR] [--rows 8192] [--precision fast] [--strategy float] [--type F16]
 */
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { layerShapes, syntheticLayers } from './layers.mjs';
import { requestDevice } from './request-device.mjs';
import { packed } from './synthetic.mjs';
import { workOf } from './work.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: args } = parseArgs({
  options: {
    modules: { type: 'string', default: join(here, '../../build/modules') },
    rows: { type: 'string', default: '8192' },
    precision: { type: 'string', default: 'fast' },
    strategy: { type: 'string', default: 'float' },
    type: { type: 'string', default: 'F16' },
  },
});
const load = (path) => import(pathToFileURL(resolve(args.modules, path)).href);
const { createWebGpuBackend } = await load('kernels/webgpu/index.js');
const { ggmlTypes } = await load('gguf/ggml-types.js');
const dawn = await import(pathToFileURL(createRequire(import.meta.url).resolve('webgpu')).href);
const gpu = dawn.create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const { precision, strategy, type } = args;
const rows = Number(args.rows);
/** All bytes grow with the rows, as long as norms have launches of their own; the null adapter's bindings are small. */
const batch = packed(8, 128);
const scale = rows / batch.ids.length;

/** Bytes by what launches do, in a forward through `nLayer` layers. */
async function bytesOf(shape, nLayer) {
  const { adapter, device } = await requestDevice(gpu);
  const backend = await createWebGpuBackend({
    adapter,
    device,
    precision,
    strategy,
    autotune: false,
    selfCheck: false,
  });
  const forward = await syntheticLayers(backend, ggmlTypes, shape, nLayer, type);
  const launches = await backend.timed(() => forward(batch));
  // A type without bytes: weights are not counted.
  const types = Object.fromEntries(Object.keys(ggmlTypes).map((name) => [name, { blockSize: 1, blockBytes: 0 }]));
  const bytes = new Map();
  workOf(launches, { types, offsets: batch.offsets }).forEach((work, i) => {
    const what = launches[i].label.replace(/[-.]\d+/g, '');
    bytes.set(what, (bytes.get(what) ?? 0) + work.bytes);
  });
  backend.dispose();
  return bytes;
}

for (const [name, shape] of Object.entries(layerShapes)) {
  const [two, three] = [await bytesOf(shape, 2), await bytesOf(shape, 3)];
  const layer = [...three]
    .map(([what, bytes]) => [what, bytes - (two.get(what) ?? 0)])
    .filter(([, bytes]) => bytes > 0);
  const megabytes = (bytes) => ((scale * bytes) / 1e6).toFixed(0).padStart(6);
  const total = layer.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`${name}, a layer of ${rows} rows at ${precision} (${strategy}): ${megabytes(total).trim()} MB`);
  for (const [what, bytes] of layer) console.log(`${megabytes(bytes)}  ${what}`);
}
// A live Dawn keeps the process from ending.
process.exit(0);
