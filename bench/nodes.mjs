// `npm run bench:nodes -- PATH…`: the same build under several versions of Node, by turns in one run: tokens a second, and how many times as
// fast as under the first. The advice that `serve` gives on an old Node rests on it (src/cli/serve/node-advice.ts).
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alternate, countTokens, makeTexts } from './compare/measure.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { loadLine, steadiest } from './turns.mjs';

const help = `npm run bench:nodes -- PATH... [options]
  PATH              programs of Node to compare; the first is the base
  --model FILE      may be repeated (default: the bundled model)
  --tokens LIST     tokens a text (default 17,128,512)
  --threads LIST    default 1
  --precision LIST  default high
  --rounds N        default 5`;

const bundled = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', multiple: true, default: [bundled] },
    tokens: { type: 'string', default: '17,128,512' },
    threads: { type: 'string', default: '1' },
    precision: { type: 'string', default: 'high' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (options.help || positionals.length < 2) {
  console.log(help);
  process.exit(options.help ? 0 : 2);
}
const list = (text) => text.split(',');
const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
const version = (node) => spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
const peers = Object.fromEntries(positionals.map((node) => [version(node), startPeer(node, script)]));
const [base, ...others] = Object.keys(peers);
const cells = [];

console.log(`${cpus()[0].model.trim()}, ${cpus().length} cores; ${new Date().toISOString().slice(0, 10)}\n`);
const head = ['model', 'tokens', 'threads', 'precision', `${base} tokens/s`, ...others];
console.log(`| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
try {
  for (const model of options.model) {
    for (const threads of list(options.threads).map(Number)) {
      for (const precision of list(options.precision)) {
        let info;
        for (const peer of Object.values(peers))
          info = await peer.call('load', { model: resolve(model), threads, precision, backend: 'wasm' });
        for (const length of list(options.tokens).map(Number)) {
          const texts = makeTexts(Math.ceil(2048 / length), length, info.nVocab);
          const sides = Object.fromEntries(
            Object.entries(peers).map(([name, peer]) => [
              name,
              async () => (await peer.call('run', { texts })).seconds,
            ]),
          );
          const cell = await steadiest(() => alternate(sides, countTokens(texts), Number(options.rounds), base));
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
