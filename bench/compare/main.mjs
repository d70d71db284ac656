// `npm run bench`: gguf-embed and native llama.cpp (and ONNX Runtime) on the same file, in one run, in alternating rounds.

import { readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePeer } from '../ensure-peers.mjs';
import { precisions as allPrecisions, nodeVersion, readOptions } from '../options.mjs';
import { steadiest, whyNotWritten } from '../turns.mjs';
import {
  alternate,
  countTokens,
  effort,
  longestMixed,
  makeTexts,
  means,
  mixedTexts,
  scaling,
  withoutThreads,
} from './measure.mjs';
import { findModels } from './models.mjs';
import { startPeer } from './peers/protocol.mjs';
import { printTable, writeSection } from './table.mjs';

const help = `npm run bench -- [options]
  --quick             under a minute: Q8_0 only, one thread, fewer rounds
  --node PATH         run our side under this Node (default: the one that runs the bench)
  --model FILE        measure this file (may be repeated; default: ../shared/models, else the bundled model)
  --models DIR        look for the known models there
  --shapes LIST       measure synthetic models of these shapes: minilm, bge-base, nomic, qwen3-0.6b, qwen3-8b
  --types LIST        and these types: Q4_0, Q4_K_M, Q5_K_M, Q6_K, Q8_0, IQ4_XS, or any other of ggml's
  --tokens LIST       tokens per text, or mixed for 32 texts of mixed length (default 8,32,128,512,mixed). Longer texts,
                      such as 2048,8192 on nomic's shape, are measured one at a time, in at most 3 rounds
  --threads LIST      default 1,2
  --precision LIST    default high,fast
  --rounds N          measured rounds of each cell (default 5)
  --onnx FILE         add onnxruntime-node on this ONNX file, of the same network as --model (may be repeated)
  --llama-cpu NAME    llama.cpp computes with this library of its own instead of the best for this CPU: zen4 (AVX-512
                      VNNI and no AMX), icelake, haswell (AVX2), … as in libggml-cpu-NAME.so
  --no-flash-attention  llama.cpp computes attention in separate steps
  --no-packing        our side without V8's 256-bit packing
  --json              print the results as JSON
  --write             put the table into bench/RESULTS.md, in place of an earlier one made with the same options; refused if
                      the ratios of a cell spread over 15 %`;

const { values: options } = readOptions(help, {
  options: {
    quick: { type: 'boolean' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    model: { type: 'string', multiple: true, kind: 'file' },
    models: { type: 'string', kind: 'file' },
    shapes: { type: 'string' },
    types: { type: 'string' },
    tokens: { type: 'string', default: '8,32,128,512,mixed', kind: 'lengths' },
    threads: { type: 'string', kind: 'counts' },
    precision: { type: 'string', default: 'high,fast', listOf: allPrecisions },
    rounds: { type: 'string', kind: 'count' },
    onnx: { type: 'string', multiple: true, default: [], kind: 'file' },
    'llama-cpu': { type: 'string', default: '' },
    'no-flash-attention': { type: 'boolean', default: false },
    'no-packing': { type: 'boolean' },
    json: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

const lengths = options.tokens;
const tokensOf = (length) => (length === 'mixed' ? longestMixed : length);
const threadCounts = options.threads ?? (options.quick ? [1] : [1, 2]);
const rounds = options.rounds ?? (options.quick ? 3 : 5);
const peer = (name) => fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
const precisions = options.precision;
const log = (text) => process.stderr.write(text);

ensurePeer('node-llama-cpp');
if (options.onnx.length > 0) ensurePeer('onnxruntime-node');
const names = (list) => list?.split(',') ?? [];
let models = await findModels({
  folder: options.models,
  files: options.model,
  shapes: names(options.shapes),
  types: names(options.types),
});
if (options.quick && !options.model && !options.shapes && !options.types)
  models = models.filter((m) => m.type === 'Q8_0').slice(0, 1);

const env = options['no-packing'] ? { GGUF_EMBED_PACKING: '0' } : {};
const llama = startPeer(process.execPath, peer('llama'), { env: { LLAMA_CPU: options['llama-cpu'] } });
const ours = Object.fromEntries(precisions.map((p) => [p, startPeer(options.node, peer('ours'), { env })]));
const onnx = options.onnx.map((file) => ({
  name: `onnx ${basename(file, '.onnx')}`,
  file: resolve(file),
  side: startPeer(process.execPath, peer('onnx')),
}));

const report = {
  command: commandLine(),
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0].model.trim(),
  cores: cpus().length,
  system: `${platform()} ${arch()}`,
  node: nodeVersion(options.node),
  packing: !options['no-packing'],
  descriptions: {},
  flashAttention: !options['no-flash-attention'],
  llama: JSON.parse(readFileSync(new URL('../node_modules/node-llama-cpp/package.json', import.meta.url), 'utf8'))
    .version,
  cells: [],
};

/** The command as somebody else would give it: files without their folders, and nothing about where the results go. */
function commandLine() {
  const words = process.argv.slice(2).filter((word) => word !== '--write' && word !== '--json');
  const node = words.findIndex((word) => word.startsWith('--node'));
  if (node >= 0) words.splice(node, words[node] === '--node' ? 2 : 1);
  return ['npm run bench', ...(words.length > 0 ? ['--', ...words.map((word) => basename(word))] : [])].join(' ');
}

/** One cell of the table: the same texts through every side. */
async function cell(where, texts, { padded = false, rounds, warmUp = true }) {
  const sides = { llama: async () => (await llama.call('run', { texts })).seconds };
  for (const precision of precisions) {
    sides[precision] = async () => (await ours[precision].call('run', { texts })).seconds;
    if (!padded && texts.length > 1)
      sides[`${precision}, singly`] = async () => (await ours[precision].call('run', { texts, single: true })).seconds;
  }
  for (const { name, side } of onnx) {
    if (padded) sides[`${name}, padded`] = async () => (await side.call('runPadded', { texts })).seconds;
    else {
      sides[`${name}, singly`] = async () => (await side.call('run', { texts })).seconds;
      if (texts.length > 1)
        sides[`${name}, batches`] = async () =>
          (await side.call('run', { texts, batch: Math.min(32, texts.length) })).seconds;
    }
  }
  const tokens = countTokens(texts);
  const name = `${where.model} ${where.type} ${where.tokensPerText} tokens, ${where.threads} thread(s)`;
  const measured = await steadiest(() => alternate(sides, tokens, rounds, 'llama', { warmUp }));
  report.cells.push({ ...where, name, rounds, nTexts: texts.length, tokens, ...measured });
  log(
    `  ${name}: ${Object.entries(measured.results)
      .map(([name, r]) => `${name} ${Math.round(r.tokensPerSecond)}`)
      .join(', ')}\n`,
  );
}

try {
  for (const { name, type, path } of models) {
    for (const threads of threadCounts) {
      let info;
      for (const precision of precisions) {
        info = await ours[precision].call('load', { model: path, threads, precision });
        report.descriptions[precision] = withoutThreads(info.description);
      }
      const longest = Math.min(info.nCtx, Math.max(...lengths.map(tokensOf)));
      const { flashAttention } = report;
      report.library = (await llama.call('load', { model: path, threads, longest, flashAttention })).library;
      for (const { file, side } of onnx) await side.call('load', { model: file, threads });
      for (const length of lengths) {
        if (tokensOf(length) > info.nCtx) {
          log(`  ${name} ${type}: texts of ${tokensOf(length)} tokens are left out, its context holds ${info.nCtx}\n`);
          continue;
        }
        if (length === 'mixed') {
          const texts = mixedTexts(info.nVocab);
          await cell({ model: name, type, tokensPerText: 'mixed', threads }, texts, { padded: true, rounds });
          continue;
        }
        const { count, ...how } = effort(length, options.quick ? 1024 : 2048, rounds);
        const texts = makeTexts(count, length, info.nVocab);
        await cell({ model: name, type, tokensPerText: length, threads }, texts, how);
      }
    }
  }
} finally {
  await Promise.all([llama, ...onnx.map(({ side }) => side), ...Object.values(ours)].map((side) => side.stop()));
}

if (report.cells.length === 0)
  throw new Error('Nothing was measured: all texts are longer than the contexts of the models.');
report.means = means(report.cells);
report.scaling = scaling(report.cells);

if (options.json) console.log(JSON.stringify(report, null, 2));
else printTable(report);
if (options.write) {
  const refusal = whyNotWritten(report.cells, 'bench/RESULTS.md');
  if (refusal === undefined) writeSection(new URL('../RESULTS.md', import.meta.url), report);
  else {
    console.error(refusal);
    process.exitCode = 1;
  }
}
