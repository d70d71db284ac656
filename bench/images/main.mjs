// Images a second through a vision tower of the shape of Qwen3-VL-Embedding-2B's, at 224, 448 and 1024 pixels a side, on one thread, and where
// the time goes: decode, resize, tower, and the tokens of the image through a tiny text model. With --native, the same file and the same
// pictures through llama.cpp (see bench/native/build-images.sh), in turns, and the ratio of the times.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openFile } from '../../build/modules/gguf/file.node.js';
import { openGguf } from '../../build/modules/gguf/index.js';
import { decodeImage, dynamicSize, fitPicture } from '../../build/modules/image/index.js';
import { createWasmBackend, Profile, prepareWasm } from '../../build/modules/kernels/wasm/index.js';
import { enablePacking } from '../../build/modules/kernels/wasm/packing.node.js';
import { loadTower } from '../../build/modules/models/vision/index.js';
import { Embedder } from '../../dist/index.js';
import { precisions, readOptions } from '../options.mjs';
import { loadLine, takeTurns } from '../turns.mjs';
import { writePicture, writeTower } from './pair.mjs';

const help = `npm run bench:images -- [options]
  --native PATH     llama.cpp's program (bench/native/build-images.sh builds it) on the same file and pictures, by turns
  --sizes LIST      pixels a side (default 224,448,1024)
  --runs N          the best of so many counts (default 3)
  --layers N        of the tower (default 24)
  --precision NAME  high, fast or exact (default high)
  --profile         also the time of each kind of operation`;
const { values: args } = readOptions(help, {
  options: {
    native: { type: 'string', kind: 'program' },
    sizes: { type: 'string', default: '224,448,1024', kind: 'counts' },
    runs: { type: 'string', default: '3', kind: 'count' },
    layers: { type: 'string', default: '24', kind: 'count' },
    precision: { type: 'string', default: 'high', of: precisions },
    profile: { type: 'boolean', default: false },
  },
});
const stages = ['decode', 'resize', 'tower', 'text'];
const cache = fileURLToPath(new URL('../.cache/images/', import.meta.url));
mkdirSync(cache, { recursive: true });
const towerPath = `${cache}tower-${args.layers}.gguf`;
await writeTower(towerPath, args.layers);
// The pictures are a little off, so that each is resized to the size in question.
const pictures = args.sizes.map((size) => {
  const path = `${cache}picture-${size}.png`;
  writePicture(path, size - 4);
  return { size, path };
});

const packed = enablePacking();
const backend = await createWasmBackend({ precision: args.precision, setup: await prepareWasm({ packed }) });
const tower = await loadTower(await openGguf(await openFile(towerPath)), backend);
const text = await Embedder.load('test/fixtures/multimodal/models/qwen3vl.gguf', {
  backend: 'wasm',
  threads: 1,
  precision: args.precision,
});
if (args.profile) backend.profile = new Profile();

async function ours({ path }) {
  const times = {};
  const timed = async (stage, work) => {
    const start = performance.now();
    const result = await work();
    times[stage] = (performance.now() - start) / 1000;
    return result;
  };
  const picture = await timed('decode', () => decodeImage(readFileSync(path), { name: path }));
  const { unit, filter } = tower.preprocessing;
  const pixels = await timed('resize', () =>
    fitPicture(picture, dynamicSize(picture, unit, tower.preprocessing), filter),
  );
  const [rows] = await timed('tower', () => tower.encode(backend.ops, [pixels]));
  const { nx, ny } = tower.grid(pixels);
  await timed('text', () => text.embed([Array.from({ length: nx * ny }, (_, i) => i % 1000)]));
  return { times, rows };
}

/** Two runs in one process, since the first reads weights from the disk. */
function native({ path }) {
  const { status, signal, stdout, stderr, error } = spawnSync(args.native, [towerPath, '1', '2', path], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${args.native} ended with ${signal ?? `status ${status}`}:\n${stderr.slice(-4000)}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ decode, resize, tower: seconds, rows }) => ({ times: { decode, resize, tower: seconds }, rows }));
}

/** The shortest time of each stage. */
const best = (runs) =>
  Object.fromEntries(stages.map((stage) => [stage, Math.min(...runs.map(({ times }) => times[stage] ?? Infinity))]));
const sum = (times) => times.decode + times.resize + times.tower;
const seconds = (value) => (Number.isFinite(value) ? value.toFixed(value < 0.1 ? 4 : 2) : '–').padStart(9);

console.log(
  `Node ${process.version}, one thread, precision ${args.precision}, 256-bit packing ${packed ? 'on' : 'off'}`,
);
console.log(`tower of ${args.layers} layers, F16; best of ${args.runs}; seconds an image\n`);
console.log('| pixels | program    |    decode |    resize |     tower |      text | images/s | ratio |');
console.log('|-------:|------------|----------:|----------:|----------:|----------:|---------:|------:|');
const loads = [];
for (const picture of pictures) {
  const sides = { mine: () => ours(picture), ...(args.native ? { theirs: () => native(picture) } : {}) };
  const { runs, ...load } = await takeTurns(sides, args.runs, { warmUp: false });
  loads.push(load);
  const mine = runs.mine;
  const theirs = runs.theirs?.flat();
  const line = (program, times, ratio) => {
    const cells = stages.map((stage) => seconds(times[stage])).join(' | ');
    const rate = (1 / sum(times)).toFixed(3).padStart(8);
    console.log(
      `| ${String(picture.size).padStart(6)} | ${program.padEnd(10)} | ${cells} | ${rate} | ${ratio.padStart(5)} |`,
    );
  };
  const own = best(mine);
  if (!args.native) {
    line('gguf-embed', own, '');
    continue;
  }
  const apart = theirs[0].rows.map((value, i) => Math.abs(value - mine[0].rows[i]));
  if (!(Math.max(...apart) <= 0.05))
    throw new Error(`the rows differ by ${apart}: the programs do not compute the same`);
  const other = best(theirs);
  line('gguf-embed', own, (sum(other) / sum(own)).toFixed(2));
  line('llama.cpp', other, '');
}
console.log(`\nimages/s and ratio count decode, resize and tower; ${loadLine(loads)}.`);
if (!args.native) console.log('llama.cpp was not measured: give its program with --native.');
if (args.profile) for (const [what, entry] of backend.profile.entries) console.log(what, JSON.stringify(entry));
await text.dispose();
