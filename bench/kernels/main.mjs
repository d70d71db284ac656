/**
 * @file The ladder: one product, from the naive loop to the packed int16 tiles, each rung measured. `docs/kernels.md` explains it.
 *
 * node bench/kernels/main.mjs [RUNG…] [--json]     (after `npm run build`; all rungs without a name)
 */
import { parseArgs } from 'node:util';
import { enablePacking } from '../../build/modules/kernels/wasm/packing.node.js';
import { blocked, naive } from './plain.mjs';
import { prepare } from './wasm.mjs';

/** The up-projection of a MiniLM layer, for 192 tokens. */
const shape = { M: 192, N: 1536, K: 384 };
const { M, N, K } = shape;
const { values: options, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });

let state = 1;
const next = () => {
  state = (Math.imul(state, 1103515245) + 12345) | 0;
  return state / 2 ** 31;
};
const a = Float32Array.from({ length: M * K }, next);
const w = Float32Array.from({ length: N * K }, next);

/** Milliseconds of the fastest of many runs: what the machine can do when nobody else uses it. */
function fastest(run) {
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + 1500;
  for (let i = 0; i < 5 || (performance.now() < until && i < 60); i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/**
 * Clock in GHz, from a chain of 32-bit multiply-adds of which each waits for the one before: 4 cycles a link (3 + 1) on the
 * x86-64 and Arm cores of the last ten years. An estimate: the % column is only as good as it.
 */
function clock() {
  const links = 1 << 18;
  const chain = (start) => {
    let x = start;
    for (let i = 0; i < links; i++) x = (Math.imul(x, 0x10dcd) + 1) | 0;
    return x;
  };
  let x = 1;
  const best = fastest(() => {
    x = chain(x);
  });
  if (Number.isNaN(x)) throw new Error('keeps the chain from being left out');
  return (4 * links) / best / 1e6;
}

const plainWasm = await prepare(a, w, shape);
// Made when the first packed rung is reached: from then on functions that are compiled late are packed in every module.
let packedWasm;
let packing;

/** Multiply-adds a cycle at best, with two multiplications of a whole register issued each cycle. */
const peaks = { scalar: 2, 'f32 × 4': 8, 'i16 × 8': 16, 'i8 × 16': 32, 'f32 × 8': 16, 'i16 × 16': 32, 'i8 × 32': 64 };

const c = new Float32Array(M * N);
const rungs = [
  { name: 'naive', lanes: 'scalar', run: () => naive(a, w, c, shape), result: () => c },
  { name: 'blocked', lanes: 'scalar', run: () => blocked(a, w, c, shape), result: () => c },
  { name: 'wasm-f32', lanes: 'f32 × 4', run: () => plainWasm.f32(0), result: plainWasm.result },
  { name: 'wasm-int16', lanes: 'i16 × 8', run: () => plainWasm.i16(0), result: plainWasm.result },
  { name: 'wasm-int8', lanes: 'i8 × 16', run: () => plainWasm.u8(), result: plainWasm.result, eight: true },
  {
    name: 'packed-f32',
    lanes: 'f32 × 8',
    run: () => packedWasm.f32(1),
    result: () => packedWasm.result(),
    packed: true,
  },
  {
    name: 'packed-int16',
    lanes: 'i16 × 16',
    run: () => packedWasm.i16(1),
    result: () => packedWasm.result(),
    packed: true,
  },
  {
    name: 'packed-int8',
    lanes: 'i8 × 32',
    run: () => packedWasm.u8(),
    result: () => packedWasm.result(),
    packed: true,
    eight: true,
  },
];
const unknown = positionals.find((name) => !rungs.some((rung) => rung.name === name));
if (unknown !== undefined) {
  console.error(`no rung ${unknown}; there are ${rungs.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const exact = new Float32Array(M * N);
naive(a, w, exact, shape);
const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0));
/** Length of the difference to the naive result over the length of that. */
const relativeError = (values) => Math.sqrt(values.reduce((sum, value, i) => sum + (value - exact[i]) ** 2, 0)) / size;

const ghz = clock();
const rows = [];
for (const { name, lanes, run, result, packed, eight } of rungs) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  if (packed && packing === undefined) {
    packing = enablePacking();
    if (packing) packedWasm = await prepare(a, w, shape, 'packed');
  }
  if (packed && !packing) {
    rows.push({ rung: name, note: 'needs V8 13 or newer on x86-64' });
    continue;
  }
  if (eight && plainWasm.levels === 0) {
    rows.push({ rung: name, note: 'needs a right 8-bit dot product in relaxed SIMD (V8 12 or newer)' });
    continue;
  }
  for (let i = 0; i < 3; i++) run();
  // Lets the background compiler finish.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const rate = (M * N * K) / fastest(run) / 1e6;
  rows.push({
    rung: name,
    'GMAC/s': Number(rate.toFixed(1)),
    lanes,
    '% of peak': Number(((100 * rate) / (peaks[lanes] * ghz)).toFixed(0)),
    'relative error': Number(relativeError(result()).toExponential(1)),
  });
}

const machine = {
  node: process.version,
  v8: process.versions.v8,
  relaxedSimd: plainWasm.relaxed,
  GHz: Number(ghz.toFixed(2)),
  shape,
};
if (options.json) console.log(JSON.stringify({ machine, rows }, null, 2));
else {
  console.log(
    `${M} × ${K} times ${K} × ${N}, Node ${machine.node}, about ${machine.GHz} GHz, relaxed SIMD: ${machine.relaxedSimd}`,
  );
  console.table(rows);
}
