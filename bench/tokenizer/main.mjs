// Megabytes of text per second: this tokenizer, @huggingface/tokenizers and llama.cpp on the same vocabularies and texts, in
// alternating rounds of one run. Also how long a vocabulary takes to load.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { memorySource, openGguf } from '../../build/modules/gguf/index.js';
import { createTokenizer } from '../../build/modules/tokenizer/index.js';
import { temporaryFolder } from '../at-exit.mjs';
import { ensurePeer } from '../ensure-peers.mjs';
import { readOptions } from '../options.mjs';
import { median } from '../turns.mjs';
import { huggingFace } from './hugging-face.mjs';
import { mixedTexts } from './texts.mjs';

const help = `npm run bench:tokenizer -- [options] [FILE.gguf[.gz]...]
  --mb N      megabytes of text (default 10)
  --rounds N  default 3
  --no-llama  without llama.cpp
Without a file, the vocabularies of the test fixtures are measured.`;
const { values: options, positionals } = readOptions(help, {
  allowPositionals: true,
  options: {
    mb: { type: 'string', default: '10', kind: 'number' },
    rounds: { type: 'string', default: '3', kind: 'count' },
    'no-llama': { type: 'boolean' },
  },
});
const { rounds } = options;
const fixtures = fileURLToPath(new URL('../../test/fixtures/vocab/', import.meta.url));
const files = positionals.length
  ? positionals
  : readdirSync(fixtures)
      .filter((name) => name.endsWith('.gguf.gz'))
      .map((name) => join(fixtures, name));

const texts = mixedTexts(options.mb);
const megabytes = (list) => list.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
/** The others are slower: they get a part of the texts, spread over all of them. */
const some = texts.filter((_, i) => i % 10 === 0);
const folder = temporaryFolder();

let llama;
if (!options['no-llama']) {
  ensurePeer('node-llama-cpp');
  const { getLlama } = await import('../node_modules/node-llama-cpp/dist/index.js');
  llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'disabled' });
}

console.log(
  `${megabytes(texts).toFixed(1)} MB in ${texts.length} texts, ${rounds} rounds, Node ${process.versions.node}\n`,
);
const head = ['vocabulary', 'tokens', 'load ms', 'MB/s', '@hf MB/s', '× @hf', 'llama.cpp MB/s', '× llama.cpp'];
console.log(head.map((text, i) => (i ? text.padStart(15) : text.padEnd(24))).join(''));
for (const path of files) await measure(path);
await llama?.dispose();

async function measure(path) {
  const file = readFileSync(path);
  const bytes = path.endsWith('.gz') ? gunzipSync(file) : file;
  const { metadata } = await openGguf(memorySource(bytes, path));
  const start = performance.now();
  const ours = createTokenizer(metadata);
  const loadTime = performance.now() - start;

  const sides = {
    ours: { texts, run: (text) => ours.encode(text, { addSpecial: false, parseSpecial: false }).length },
  };
  if (['bert', 'gpt2', 'llama', 't5'].includes(metadata.string('tokenizer.ggml.model'))) {
    const theirs = huggingFace(metadata);
    sides.hf = { texts: some, run: (text) => theirs.encode(text, { add_special_tokens: false }).ids.length };
  }
  let model;
  if (llama) {
    const plain = join(folder, 'vocabulary.gguf');
    writeFileSync(plain, bytes);
    model = await llama.loadModel({ modelPath: plain, vocabOnly: true });
    sides.llama = { texts, run: (text) => model.tokenize(text, false).length };
  }

  for (const side of Object.values(sides)) for (const text of some) side.run(text);
  const speeds = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const from = performance.now();
      for (const text of side.texts) side.run(text);
      speeds[name].push((megabytes(side.texts) / (performance.now() - from)) * 1000);
    }
  }
  await model?.dispose();
  const ratio = (name) => (speeds[name] ? `${median(speeds.ours.map((x, i) => x / speeds[name][i])).toFixed(1)}` : '');
  const speed = (name) => (speeds[name] ? median(speeds[name]).toFixed(1) : '');
  const cells = [
    ours.vocab.nTokens,
    loadTime.toFixed(1),
    speed('ours'),
    speed('hf'),
    ratio('hf'),
    speed('llama'),
    ratio('llama'),
  ];
  const name = basename(path)
    .replace(/\.gguf(\.gz)?$/, '')
    .replace('ggml-vocab-', '');
  console.log(name.padEnd(24) + cells.map((cell) => String(cell).padStart(15)).join(''));
}
