// What a number of chunks costs: tokens, core hours, storage. Rates and bytes are measured here and now; what cannot be is an option with a
// default that docs/scale.md names.
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Embedder } from '../dist/index.js';
import { temporaryFolder } from './at-exit.mjs';
import { uniform } from './fleet/random.mjs';
import { readOptions } from './options.mjs';
import { watchOtherLoad } from './other-load.mjs';

const help = `node bench/scale-cost.mjs [options]     (after npm run build)
  --chunks N    default 1e9
  --tokens N    of each chunk (default 256)
  -m FILE       model (default: the bundled one)
  --seconds N   for which is measured (default 5)
  --cores LIST  default 8,64,1000`;
const { values: options } = readOptions(help, {
  options: {
    chunks: { type: 'string', default: '1e9', kind: 'number' },
    tokens: { type: 'string', default: '256', kind: 'count' },
    model: { type: 'string', short: 'm', default: 'models/all-MiniLM-L6-v2-Q8_0.gguf', kind: 'file' },
    seconds: { type: 'string', default: '5', kind: 'number' },
    cores: { type: 'string', default: '8,64,1000', kind: 'counts' },
  },
});
const { chunks, tokens: nTokens, seconds } = options;

/** Tokens a second that one thread computes of texts of this length, in batches. The best of five: other work on the machine only slows it. */
async function tokensPerSecond() {
  const embedder = await Embedder.load(options.model, { backend: 'wasm', threads: 1, packing: true });
  const random = uniform(1);
  // Ordinary words of the vocabulary; special tokens come first in it.
  const ids = Array.from({ length: 16 }, () =>
    Array.from({ length: nTokens }, () => 2000 + Math.floor(random() * 10_000)),
  );
  await embedder.embed(ids);
  let best = 0;
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    let n = 0;
    for (; performance.now() - begin < (seconds * 1000) / 5; n += ids.length) await embedder.embed(ids);
    best = Math.max(best, (n * nTokens * 1000) / (performance.now() - begin));
  }
  const { name, ftype, nEmbdOut } = embedder.info;
  await embedder.dispose();
  return { name: `${name} ${ftype}`, dimensions: nEmbdOut, rate: best };
}

/** Bytes that a row takes in a file of this format, with the vector and an id, measured with 5000 rows. */
function bytesPerRow(dtype, format, folder) {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const output = join(folder, `${dtype}.${format}`);
  const args = [
    'embed',
    '-m',
    options.model,
    join(folder, 'rows.jsonl'),
    '-o',
    output,
    '--output-dtype',
    dtype,
    '--fields',
    'id',
  ];
  execFileSync(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  return statSync(output).size / 5000;
}

const otherLoad = watchOtherLoad();
const { name, dimensions, rate } = await tokensPerSecond();
const share = otherLoad()?.share;
const other =
  share === undefined ? 'other load unknown' : `other processes took ${(100 * share).toFixed(0)} % of the cores`;
console.log(`${cpus()[0].model.trim()}, Node ${process.version}, one thread; ${other}\n`);
console.log(
  `${chunks.toExponential(0)} chunks of ${nTokens} tokens with ${name}: ${(chunks * nTokens).toExponential(2)} tokens`,
);
const hours = (chunks * nTokens) / rate / 3600;
console.log(`${rate.toFixed(0)} tokens/s a core: ${hours.toFixed(0)} core hours\n`);
console.log('| cores | time |\n|---|---|');
for (const n of options.cores) {
  const days = hours / n / 24;
  console.log(`| ${n} | ${days < 2 ? `${(24 * days).toFixed(0)} hours` : `${days.toFixed(0)} days`} |`);
}

const folder = temporaryFolder();
const rows = Array.from({ length: 5000 }, (_, id) => JSON.stringify({ id, text: `${id} a` }));
writeFileSync(join(folder, 'rows.jsonl'), `${rows.join('\n')}\n`);
console.log('\n| type | bytes a vector | in Parquet | in Arrow | all, in Arrow |\n|---|---|---|---|---|');
const bits = { float: 32, int8: 8, binary: 1 };
for (const [dtype, width] of Object.entries(bits)) {
  const [parquet, arrow] = ['parquet', 'arrow'].map((format) => bytesPerRow(dtype, format, folder));
  const cells = [dtype, (dimensions * width) / 8, parquet.toFixed(0), arrow.toFixed(0)];
  console.log(`| ${cells.join(' | ')} | ${((arrow * chunks) / 1e9).toFixed(0)} GB |`);
}
