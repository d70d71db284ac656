/**
 * @file The ladders: a product, attention, and the product on a GPU, from the naive loop to the kernel that the backend runs, each rung
 * measured. `docs/kernels.md` and `docs/webgpu.md` explain them.
 */
import { enablePacking } from '../../build/modules/kernels/wasm/packing.node.js';
import { openGpu } from '../gpu/device.mjs';
import { readOptions, refuse } from '../options.mjs';
import { ladder, miniLm } from './ladder.mjs';
import { clock, measure } from './measure.mjs';

const help = `npm run bench:kernels -- [RUNG...] [options]
  RUNG    a rung or a ladder, as in product/naive attention (default: all)
  --list  the rungs and what is new in each
  --json  print the results as JSON`;
const { values: options, positionals } = readOptions(help, {
  options: { json: { type: 'boolean' }, list: { type: 'boolean' } },
  allowPositionals: true,
});

const rungs = ladder(miniLm, { openGpu, enablePacking });
const isNamed = (rung) => (name) => rung.name === name || rung.name.startsWith(`${name}/`);
const unknown = positionals.find((name) => !rungs.some((rung) => isNamed(rung)(name)));
if (unknown !== undefined) refuse(`no rung ${unknown}; there are ${rungs.map(({ name }) => name).join(', ')}`);
const chosen = rungs.filter((rung) => positionals.length === 0 || positionals.some(isNamed(rung)));
if (options.list) {
  for (const { name, about } of chosen) console.log(`${name.padEnd(28)}${about}`);
  process.exit(0);
}

/** Multiply-adds a cycle at best, with two multiplications of a whole register issued each cycle. */
const peaks = { scalar: 2, 'f32 × 4': 8, 'i16 × 8': 16, 'i8 × 16': 32, 'f32 × 8': 16, 'i16 × 16': 32, 'i8 × 32': 64 };

const ghz = await clock();
const rows = [];
for (const rung of chosen) {
  const { macs, error, kernel, missing } = await measure(rung, 1500);
  if (missing !== undefined) rows.push({ rung: rung.name, note: missing });
  else {
    rows.push({
      rung: rung.name,
      'GMAC/s': Number(macs.toFixed(1)),
      'GFLOP/s': Number((2 * macs).toFixed(1)),
      ...(rung.lanes && {
        lanes: rung.lanes,
        '% of peak': Number(((100 * macs) / (peaks[rung.lanes] * ghz)).toFixed(0)),
      }),
      'relative error': Number(error.toExponential(1)),
      ...(kernel && { note: kernel }),
    });
  }
}

const machine = { node: process.version, v8: process.versions.v8, GHz: Number(ghz.toFixed(2)), shapes: miniLm };
if (options.json) console.log(JSON.stringify({ machine, rows }, null, 2));
else {
  const { product, attention } = miniLm;
  console.log(
    `product: ${product.M} × ${product.K} times ${product.K} × ${product.N}; ` +
      `attention: ${attention.tokens} tokens, ${attention.heads} heads of ${attention.size}; ` +
      `Node ${machine.node}, about ${machine.GHz} GHz`,
  );
  console.table(rows);
}
// A live Dawn keeps the process from ending.
process.exit(0);
