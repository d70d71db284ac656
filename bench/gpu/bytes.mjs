/**
 * @file Counts the bytes that each launch of a layer reads and writes, without weights, for layers of four families. Needs no GPU: Dawn's null
 * adapter plans and launches everything, and computes nothing.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { precisions, readOptions, refuse } from '../options.mjs';
import { loadDawn } from './device.mjs';
import { layerBytes, nullOptions } from './layer-bytes.mjs';
import { layerShapes } from './layers.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const help = `npm run bench:gpu:bytes -- [options]
  --rows N          default 8192
  --precision NAME  high, fast or exact (default fast)
  --strategy NAME   float or int8 (default float)
  --type NAME       of the weights (default F16)
  --modules DIR     another build (default: build/modules)`;
const { values: args } = readOptions(help, {
  options: {
    modules: { type: 'string', default: join(here, '../../build/modules'), kind: 'file' },
    rows: { type: 'string', default: '8192', kind: 'count' },
    precision: { type: 'string', default: 'fast', of: precisions },
    strategy: { type: 'string', default: 'float', of: ['float', 'int8'] },
    type: { type: 'string', default: 'F16' },
  },
});
const load = (path) => import(pathToFileURL(resolve(args.modules, path)).href);
const { createWebGpuBackend } = await load('kernels/webgpu/index.js');
const { ggmlTypes } = await load('gguf/ggml-types.js');
const dawn = await loadDawn();
const gpu = dawn.create(nullOptions);
const { precision, rows, strategy, type } = args;
if (!(type in ggmlTypes)) refuse(`no type ${type}; there are ${Object.keys(ggmlTypes).join(', ')}`);

for (const [name, shape] of Object.entries(layerShapes)) {
  const layer = [...(await layerBytes(gpu, createWebGpuBackend, ggmlTypes, shape, { precision, strategy, type }))];
  const megabytes = (bytesPerRow) => ((rows * bytesPerRow) / 1e6).toFixed(0).padStart(6);
  const total = layer.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`${name}, a layer of ${rows} rows at ${precision} (${strategy}): ${megabytes(total).trim()} MB`);
  for (const [what, bytes] of layer) console.log(`${megabytes(bytes)}  ${what}`);
}
// A live Dawn keeps the process from ending.
process.exit(0);
