/**
 * @file Measures the WebGPU backend: every strategy's kernels by timestamps against the adapter's own ceilings, whole models in
 * tokens a second. Results: a table on the terminal, and `gpu.json` in `--out`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readOptions } from '../options.mjs';
import { ceilings } from './ceilings.mjs';
import { describe, openGpu } from './device.mjs';
import { roofline, rooflineText } from './roofline.mjs';
import { packed, randomWeight, shapes, syntheticBert } from './synthetic.mjs';
import { workOf } from './work.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const help = `npm run bench:gpu -- [options]
  --model FILE     default: the bundled model
  --out DIR        write gpu.json there
  --quick          shapes that a CPU computes in seconds; always on software adapters
  --roofline       only the launches of forwards, of a BERT and of the model: what each needs at best for its operations
                   and bytes, and the share of that which it reaches
  --peak-gbs N     the adapter's memory in GB/s, instead of what is measured
  --peak-gflops N  float32 in GFLOP/s, likewise
  --modules DIR    another build (default: build/modules)`;
const { values: args } = readOptions(help, {
  options: {
    modules: { type: 'string', default: join(here, '../../build/modules'), kind: 'file' },
    model: { type: 'string', default: join(here, '../../models/all-MiniLM-L6-v2-Q8_0.gguf') },
    out: { type: 'string' },
    quick: { type: 'boolean', default: false },
    roofline: { type: 'boolean', default: false },
    'peak-gbs': { type: 'string', kind: 'number' },
    'peak-gflops': { type: 'string', kind: 'number' },
  },
});
const load = (path) => import(pathToFileURL(resolve(args.modules, path)).href);
const { createWebGpuBackend } = await load('kernels/webgpu/index.js');
const { isSoftware } = await load('kernels/webgpu/probe.js');
const { tilesOf, isUsable } = await load('kernels/webgpu/strategies.js');
const { matrixShape } = await load('kernels/webgpu/shaders/matrix-shape.js');
const { loaders } = await load('kernels/webgpu/loaders/index.js');
const { ggmlTypes } = await load('gguf/ggml-types.js');

const { gpu, adapter, device } = await openGpu();
const quick = args.quick || isSoftware(adapter.info);
const matrix = matrixShape(adapter.info, device.features);
const results = {
  adapter: describe(adapter),
  quick,
  ceilings: await ceilings(device, quick, matrix),
  kernels: [],
  models: [],
  rooflines: [],
  failures: [],
};
console.log(`${results.adapter.description || results.adapter.device} (${quick ? 'small shapes' : 'full shapes'})`);
console.log(`subgroup matrices: ${results.adapter.subgroupMatrices.join(', ') || 'not exposed'}`);
for (const [option, ceiling] of [
  ['peak-gbs', 'copyGBs'],
  ['peak-gflops', 'float'],
]) {
  if (args[option] === undefined) continue;
  results.ceilings[ceiling] = args[option];
}
const { copyGBs } = results.ceilings;
const matrixCeiling = results.ceilings.matrix?.toFixed(0) ?? 'no';
console.log(
  `ceilings: copy ${copyGBs.toFixed(1)} GB/s, f32 FMA ${results.ceilings.float.toFixed(0)} GFLOP/s, int8 dot ` +
    `${results.ceilings.int8.toFixed(0)} GFLOP/s, subgroup matrices ${matrixCeiling} GFLOP/s\n`,
);

/** What products can be computed with: precision, and the strategy that is asked for. */
const styles = [
  { precision: 'high', strategy: 'float' },
  { precision: 'fast', strategy: 'float' },
  { precision: 'fast', strategy: 'int8' },
  ...(matrix === undefined ? [] : [{ precision: 'fast', strategy: 'matrix' }]),
];
/** Runs a part of the bench; what fails is noted, and the rest goes on. */
async function attempt(what, work) {
  try {
    return await work();
  } catch (error) {
    results.failures.push(`${what}: ${error.message}`);
    console.log(`${what} FAILED: ${error.message}`);
    return undefined;
  }
}

/** Whether a style computes products of a type in its own way. */
const takes = ({ strategy }, type) => strategy !== 'int8' || loaders.get(type).int8 !== undefined;

/** The fastest of each launch in several runs of `forward`, by label. */
async function kernelTimes(backend, forward, repeats) {
  const best = new Map();
  await forward();
  for (let i = 0; i < repeats; i++) {
    for (const launch of await backend.timed(forward)) {
      const known = best.get(launch.label);
      if (known === undefined || launch.nanoseconds < known.nanoseconds) best.set(launch.label, launch);
    }
  }
  return best;
}

/** @param launch whose work is counted as it was launched: a forward may leave rows out */
function report(what, launch, { offsets }, ceiling = results.ceilings.float) {
  const { kernel, nanoseconds } = launch;
  const [{ flops, bytes }] = workOf([launch], { types: ggmlTypes, offsets });
  const row = { what, kernel, microseconds: nanoseconds / 1000, gflops: flops / nanoseconds, GBs: bytes / nanoseconds };
  results.kernels.push(row);
  const share = (part, whole) => `${((100 * part) / whole).toFixed(0)} %`.padStart(5);
  console.log(
    `${what.padEnd(40)} ${row.microseconds.toFixed(0).padStart(9)} µs ${row.gflops.toFixed(1).padStart(9)} GFLOP/s ${share(row.gflops, ceiling)}` +
      ` ${row.GBs.toFixed(2).padStart(8)} GB/s ${share(row.GBs, copyGBs)}  ${kernel}`,
  );
}

async function benchProducts(style) {
  const rowCounts = quick ? [1, 64] : [1, 8, 64, 512, 8192];
  const matrices = quick
    ? [[256, 512]]
    : [
        [384, 1536],
        [768, 3072],
        [3072, 768],
      ];
  for (const type of ['F32', 'F16', 'Q8_0', 'Q4_K']) {
    for (const [nIn, nOut] of matrices) {
      if (nIn % ggmlTypes[type].blockSize !== 0 || !takes(style, type)) continue;
      const backend = await createWebGpuBackend({ adapter, device, ...style });
      const source = randomWeight(ggmlTypes, 'w', type, [nIn, nOut]);
      const weight = backend.allocate(source, 'matrix');
      await backend.fill(weight, source);
      const table = randomWeight(ggmlTypes, 'x', 'F16', [nIn, 64]);
      const x = backend.allocate(table, 'table');
      await backend.fill(x, table);
      for (const rows of rowCounts) {
        const batch = packed(1, rows);
        batch.ids = batch.ids.map((_, i) => i % 64);
        const forward = () => {
          backend.ops.begin(batch);
          const y = backend.ops.linear(backend.ops.embedding(x, 'ids'), { weight }, { names: { out: 'y' } });
          return backend.ops.read(backend.ops.pool(y, 'mean'));
        };
        const times = await kernelTimes(backend, forward, quick ? 2 : 8);
        const what = `${style.precision} ${style.strategy} ${type} ${rows} x ${nIn} -> ${nOut}`;
        report(what, times.get('linear w y'), batch, results.ceilings[style.strategy]);
      }
      backend.dispose();
    }
  }
}

async function benchLayer() {
  const { nEmbd, nFf, nHead } = shapes['BGE-base'];
  const shape = quick ? { nLayer: 1, nEmbd: 128, nFf: 256, nHead: 2 } : { nLayer: 1, nEmbd, nFf, nHead };
  const [nSeq, length] = quick ? [2, 32] : [64, 128];
  const backend = await createWebGpuBackend({ adapter, device });
  const forward = await syntheticBert(backend, ggmlTypes, shape, 'F16');
  const batch = packed(nSeq, length);
  const times = await kernelTimes(backend, () => forward(batch), quick ? 2 : 8);
  for (const [label, launch] of times) {
    if (!label.startsWith('linear')) report(`${label} ${nSeq * length} rows`, launch, batch);
  }
  backend.dispose();
}

/** Tokens a second of `forward` at several numbers of texts of 128 tokens, as many a forward as the memory allows. */
async function tokensPerSecond(name, forward) {
  const length = quick ? 16 : 128;
  for (const nTexts of quick ? [1, 8] : [1, 8, 64, 512]) {
    const perForward = Math.min(nTexts, quick ? 8 : 128);
    const batch = packed(perForward, length);
    const run = async () => {
      for (let done = 0; done < nTexts; done += perForward) await forward(batch);
    };
    await run();
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < (quick ? 2 : 5); i++) {
      const begin = performance.now();
      await run();
      best = Math.min(best, performance.now() - begin);
    }
    const rate = (nTexts * length) / (best / 1000);
    results.models.push({ name, nTexts, length, tokensPerSecond: rate });
    console.log(
      `${name.padEnd(34)} ${String(nTexts).padStart(4)} texts of ${length}: ${rate.toFixed(0).padStart(9)} tokens/s`,
    );
  }
}

async function benchModels() {
  // The strategy is the one that the backend chooses itself.
  for (const [precision, type] of [
    ['high', 'F16'],
    ['fast', 'F16'],
    ['fast', 'Q8_0'],
  ]) {
    for (const [name, shape] of Object.entries(shapes)) {
      if (quick && name !== 'MiniLM-L6') continue;
      const backend = await createWebGpuBackend({ adapter, device, precision });
      const forward = await syntheticBert(backend, ggmlTypes, quick ? { ...shape, nLayer: 1 } : shape, type);
      await tokensPerSecond(`${precision} ${name} ${type}`, forward);
      const timings = await backend.timed(() => forward(packed(1, 128)));
      const products = new Set(timings.map(({ kernel }) => kernel).filter((kernel) => kernel.startsWith('matmul')));
      console.log(`  one text's products: ${[...products].join(', ')}`);
      backend.dispose();
    }
  }
  if (!existsSync(args.model)) return;
  const backend = await createWebGpuBackend({ adapter, device });
  await tokensPerSecond(basename(args.model), await loadFile(backend));
  backend.dispose();
}

/** `forward(batch)` of the model in `--model`: the mean of each sequence. */
async function loadFile(backend) {
  const [{ openGguf }, { openFile }, { loadModel }] = await Promise.all(
    ['gguf/index.js', 'gguf/file.node.js', 'models/index.js'].map(load),
  );
  const file = await openGguf(await openFile(args.model));
  const model = await loadModel(file, backend);
  await file.close();
  return (batch) => {
    backend.ops.begin(batch);
    return backend.ops.read(model.pool(backend.ops, model.forward(backend.ops), 'mean'));
  };
}

/** Every tile must give the same bits on this device; where one does not, the rule "same text, same bits" is in danger. */
async function checkTiles(style) {
  const type = style.strategy === 'int8' ? 'Q8_0' : 'F16';
  const source = randomWeight(ggmlTypes, 'w', type, [256, 256]);
  const seen = new Map();
  const usable = tilesOf(style.strategy).filter((tile) =>
    isUsable(style.strategy, tile, { rolled: false, halves: style.precision === 'fast', matrix }, device.limits),
  );
  const tiles = quick ? usable.slice(0, 1) : usable;
  for (const tile of tiles) {
    const backend = await createWebGpuBackend({ adapter, device, tile, ...style });
    const weight = backend.allocate(source, 'table');
    await backend.fill(weight, source);
    backend.ops.begin(packed(1, 40));
    const ids = backend.ops.embedding(weight, 'zero');
    const y = await backend.ops.read(backend.ops.linear(ids, { weight }));
    seen.set(Buffer.from(y.buffer).toString('base64'), `${tile.bm}x${tile.bn}`);
    backend.dispose();
  }
  const what = `${style.precision} ${style.strategy}`;
  const different = seen.size === 1 ? 'none' : [...seen.values()].join(', ');
  console.log(`${what}: of ${tiles.length} tile(s), these give different bits: ${different}`);
  return seen.size === 1;
}

/** The launches of forwards of a model against the adapter's ceilings. @throws Error without timestamps */
async function benchRoofline(what, backend, forward) {
  const batches = [
    [1, 16],
    [64, 128],
    [4, 2048],
  ];
  for (const [nSeq, length] of quick ? [[2, 32]] : batches) {
    const batch = packed(nSeq, length);
    await forward(batch);
    let timings;
    for (let i = 0; i < (quick ? 2 : 8); i++) {
      const next = await backend.timed(() => forward(batch));
      timings = timings?.map((best, j) => (next[j].nanoseconds < best.nanoseconds ? next[j] : best)) ?? next;
    }
    const work = workOf(timings, { types: ggmlTypes, offsets: batch.offsets });
    const rows = roofline(timings, work, results.ceilings);
    const title = `${what}, ${nSeq} x ${length} tokens`;
    results.rooflines.push({ what: title, rows });
    console.log([title, ...rooflineText(rows), ''].join('\n'));
  }
}

async function rooflineOfBert(style, type) {
  const shape = quick ? { nLayer: 1, nEmbd: 128, nFf: 256, nHead: 2 } : { ...shapes['BGE-base'], nLayer: 4 };
  const backend = await createWebGpuBackend({ adapter, device, ...style });
  const forward = await syntheticBert(backend, ggmlTypes, shape, type);
  const what = `${style.precision} ${style.strategy} ${type}, ${shape.nLayer} layers of ${shape.nEmbd}`;
  await benchRoofline(what, backend, forward);
  backend.dispose();
}

/** The strategy is the one that the backend chooses itself. */
async function rooflineOfModel(precision) {
  const backend = await createWebGpuBackend({ adapter, device, precision });
  const model = await loadFile(backend);
  await benchRoofline(`${precision}, ${basename(args.model)}`, backend, model);
  backend.dispose();
}

results.tilesAgree = true;
if (args.roofline) {
  for (const style of styles) {
    for (const type of ['F16', 'Q8_0'].filter((name) => takes(style, name))) {
      await attempt(`roofline ${style.precision} ${style.strategy} ${type}`, () => rooflineOfBert(style, type));
    }
  }
  for (const precision of existsSync(args.model) ? ['high', 'fast'] : []) {
    await attempt(`roofline ${precision} ${args.model}`, () => rooflineOfModel(precision));
  }
} else {
  for (const style of styles) await attempt(`${style.precision} ${style.strategy}`, () => benchProducts(style));
  await attempt('one layer', benchLayer);
  await attempt('models', benchModels);
  for (const style of styles) {
    const agree = await attempt(`tiles of ${style.precision} ${style.strategy}`, () => checkTiles(style));
    if (agree !== true) results.tilesAgree = false;
  }
}
if (args.out !== undefined) {
  mkdirSync(args.out, { recursive: true });
  writeFileSync(join(args.out, 'gpu.json'), JSON.stringify(results, null, 1));
}
device.destroy();
// A live Dawn keeps the process from ending.
process.exit(gpu === undefined || !results.tilesAgree || results.failures.length > 0 ? 1 : 0);
