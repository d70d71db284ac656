// Tokens per second of `embed` and megabytes per second of the tokenizer, on the bundled model, as a table.
import { Bench } from 'tinybench';
import { Embedder } from '../dist/index.js';
import { precisions, readOptions } from './options.mjs';

const help = `npm run bench:embed -- [options]
  --model FILE      default: the bundled model
  --threads N       default: as the library chooses
  --backend NAME    auto, wasm, webgpu or reference (default auto)
  --precision NAME  high, fast or exact (default high)
  --time MS         milliseconds of each row (default 1000)`;
const { values: args } = readOptions(help, {
  options: {
    model: { type: 'string', default: 'models/all-MiniLM-L6-v2-Q8_0.gguf', kind: 'file' },
    threads: { type: 'string', kind: 'count' },
    backend: { type: 'string', default: 'auto', of: ['auto', 'wasm', 'webgpu', 'reference'] },
    precision: { type: 'string', default: 'high', of: precisions },
    time: { type: 'string', default: '1000', kind: 'number' },
  },
});

const words =
  'the model turns a sentence into numbers that are near each other when two sentences mean the same thing, whatever ' +
  'words they use; nobody has to agree on a spelling or on a language before, and a search finds what was meant ';

const embedder = await Embedder.load(args.model, {
  backend: args.backend,
  precision: args.precision,
  packing: true,
  threads: args.threads,
});
const { info, tokenizer } = embedder;
const bench = new Bench({ time: args.time, iterations: 5, warmupTime: 300, warmupIterations: 2 });
/** What one run of a task gets done, and in which unit. */
const work = new Map();

for (const nTokens of [8, 32, 128, 512].filter((n) => n <= info.nCtx)) {
  const ids = embedder.tokenize(words.repeat(20)).slice(0, nTokens);
  add(`embed, 1 text of ${nTokens} tokens`, nTokens, 'tokens/s', () => embedder.embed([ids]));
}
const mixed = Array.from({ length: 32 }, (_, i) => words.slice(0, 20 + ((i * 37) % 180)));
const nMixed = mixed.reduce((sum, text) => sum + embedder.tokenize(text).length, 0);
add(`embed, 32 texts of mixed length (${nMixed} tokens)`, nMixed, 'tokens/s', () => embedder.embed(mixed));

const prose = words.repeat(500);
add('tokenize, plain English', prose.length / 1e6, 'MB/s', () => tokenizer.encode(prose));
const many = 'Die Straße nach Łódź führt über Žilina; 東京は日本の首都です。 Привет, мир! '.repeat(700);
add('tokenize, many scripts', new TextEncoder().encode(many).length / 1e6, 'MB/s', () => tokenizer.encode(many));

await bench.run();
console.log(`${info.name} ${info.ftype}, ${info.backend} (${info.backendDescription}), precision ${info.precision},`);
console.log(`threads ${info.threads}, Node ${process.version}\n`);
console.log(`| ${'what'.padEnd(44)} |   ms a run |    ± |      speed |          |`);
console.log(`|${'-'.repeat(46)}|-----------:|-----:|-----------:|----------|`);
for (const { name, result } of bench.tasks) {
  if (result.error !== undefined) throw result.error;
  const { amount, unit } = work.get(name);
  const ms = result.latency.p50;
  const speed = (amount / ms) * 1000;
  const cells = [
    name.padEnd(44),
    ms.toFixed(2).padStart(10),
    `${result.latency.rme.toFixed(0)} %`.padStart(4),
    speed.toFixed(speed < 100 ? 1 : 0).padStart(10),
    unit.padEnd(8),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
await embedder.dispose();

function add(name, amount, unit, run) {
  work.set(name, { amount, unit });
  bench.add(name, run);
}
