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
import { layerBytes, nullOptions } from './layer-bytes.mjs';
import { layerShapes } from './layers.mjs';

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
const gpu = dawn.create(nullOptions);
const { precision, strategy, type } = args;
const rows = Number(args.rows);

for (const [name, shape] of Object.entries(layerShapes)) {
  const layer = [...(await layerBytes(gpu, createWebGpuBackend, ggmlTypes, shape, { precision, strategy, type }))];
  const megabytes = (bytesPerRow) => ((rows * bytesPerRow) / 1e6).toFixed(0).padStart(6);
  const total = layer.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`${name}, a layer of ${rows} rows at ${precision} (${strategy}): ${megabytes(total).trim()} MB`);
  for (const [what, bytes] of layer) console.log(`${megabytes(bytes)}  ${what}`);
}
// A live Dawn keeps the process from ending.
process.exit(0);
