// `npm run bench:nodes -- PATH…`: the same build under several versions of Node, by turns in one run: tokens a second, and how many times as
// fast as under the first. The advice that `serve` gives on an old Node rests on it (src/cli/serve/node-advice.ts).
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, countTokens, makeTexts } from './compare/measure.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { nodeVersion, precisions, readOptions, refuse } from './options.mjs';
import { loadLine, steadiest } from './turns.mjs';

const help = `npm run bench:nodes -- PATH... [options]
  PATH              programs of Node to compare; the first is the base
  --model FILE      may be repeated (default: the bundled model)
  --tokens LIST     tokens a text (default 17,128,512)
  --threads LIST    default 1
  --precision LIST  default high
  --rounds N        default 5`;

const bundled = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const { values: options, positionals } = readOptions(help, {
  allowPositionals: true,
  options: {
    model: { type: 'string', multiple: true, default: [bundled], kind: 'file' },
    tokens: { type: 'string', default: '17,128,512', kind: 'counts' },
    threads: { type: 'string', default: '1', kind: 'counts' },
    precision: { type: 'string', default: 'high', listOf: precisions },
    rounds: { type: 'string', default: '5', kind: 'count' },
  },
});
if (positionals.length < 2) refuse('Give at least two programs of Node, as in: npm run bench:nodes -- node22 node24');
const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
const versions = positionals.map((node) => nodeVersion(node));
if (new Set(versions).size < versions.length)
  refuse(`Each program must be another version; these are ${versions.join(', ')}`);
const peers = Object.fromEntries(versions.map((version, i) => [version, startPeer(positionals[i], script)]));
const [base, ...others] = Object.keys(peers);
const cells = [];

console.log(`${cpus()[0].model.trim()}, ${cpus().length} cores; ${new Date().toISOString().slice(0, 10)}\n`);
const head = ['model', 'tokens', 'threads', 'precision', `${base} tokens/s`, ...others];
console.log(`| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
try {
  for (const model of options.model) {
    for (const threads of options.threads) {
      for (const precision of options.precision) {
        let info;
        for (const peer of Object.values(peers))
          info = await peer.call('load', { model: resolve(model), threads, precision, backend: 'wasm' });
        for (const length of options.tokens) {
          const texts = makeTexts(Math.ceil(2048 / length), length, info.nVocab);
          const sides = Object.fromEntries(
            Object.entries(peers).map(([name, peer]) => [
              name,
              async () => (await peer.call('run', { texts })).seconds,
            ]),
          );
          const cell = await steadiest(() => alternate(sides, countTokens(texts), options.rounds, base));
          cells.push(cell);
          const times = ({ ratio, low, high }) => `${ratio.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
          const row = [
            model.replace(/^.*\//, ''),
            length,
            threads,
            precision,
            Math.round(cell.results[base].tokensPerSecond),
            ...others.map((name) => times(cell.results[name])),
          ];
          console.log(`| ${row.join(' | ')} |`);
        }
      }
    }
  }
} finally {
  await Promise.all(Object.values(peers).map((peer) => peer.stop()));
}
console.log(`\nRatios are medians of the rounds' ratios to ${base}, with lowest and highest; ${loadLine(cells)}.`);
