// `npm run bench:low-bit`: what `fast` is worth over `high` for weights of 4 to 6 bits, by turns in one run, for each type and each version of
// Node. Ratios are of processor time, so that other work on the machine counts as little as it can.
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alternate, countTokens, makeTexts } from './compare/measure.mjs';
import { findModels } from './compare/models.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { loadLine } from './turns.mjs';

const help = `npm run bench:low-bit -- [options]
  --node PATH     may be repeated (default: the Node that runs the bench)
  --model FILE    may be repeated (default: synthetic models of --shapes and --types)
  --shapes LIST   default bge-base
  --types LIST    default Q4_0,Q4_1,Q5_0,Q5_1,Q4_K,Q5_K,Q6_K,MXFP4
  --tokens LIST   tokens a text (default 128)
  --rounds N      default 7
  --texts N       texts a round (default 2)`;

const { values: options } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [process.execPath] },
    model: { type: 'string', multiple: true, default: [] },
    shapes: { type: 'string', default: 'bge-base' },
    types: { type: 'string', default: 'Q4_0,Q4_1,Q5_0,Q5_1,Q4_K,Q5_K,Q6_K,MXFP4' },
    tokens: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '7' },
    texts: { type: 'string', default: '2' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (options.help) {
  console.log(help);
  process.exit(0);
}
const list = (text) => text.split(',');
const models =
  options.model.length > 0
    ? await findModels({ files: options.model })
    : await findModels({ shapes: list(options.shapes), types: list(options.types) });
const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
const cells = [];
const descriptions = [];

console.log(
  `${cpus()[0].model.trim()}, ${cpus().length} cores; ${new Date().toISOString().slice(0, 10)}, one thread\n`,
);
console.log(
  '| model | type | tokens | Node | `high` tokens/s | `fast` over `high` (lowest-highest) |\n|---|---|---|---|---|---|',
);
for (const node of options.node) {
  const peers = { high: startPeer(node, script), fast: startPeer(node, script) };
  for (const { name, type, path } of models) {
    let info;
    for (const [precision, peer] of Object.entries(peers))
      info = await peer.call('load', { model: path, threads: 1, precision, backend: 'wasm' });
    if (!descriptions.includes(info.description)) descriptions.push(info.description);
    for (const length of list(options.tokens).map(Number)) {
      const texts = makeTexts(Number(options.texts), length, info.nVocab);
      const sides = Object.fromEntries(
        Object.entries(peers).map(([side, peer]) => [side, async () => (await peer.call('run', { texts })).cpuSeconds]),
      );
      const cell = await alternate(sides, countTokens(texts), Number(options.rounds), 'high');
      cells.push(cell);
      const { high, fast } = cell.results;
      const ratio = `${fast.ratio.toFixed(2)} (${fast.low.toFixed(2)}-${fast.high.toFixed(2)})`;
      console.log(
        `| ${name} | ${type} | ${length} | ${basename(node)} | ${Math.round(high.tokensPerSecond)} | ${ratio} |`,
      );
    }
  }
  await Promise.all(Object.values(peers).map((peer) => peer.stop()));
}
console.log(`\n${descriptions.map((description) => `- ${description}`).join('\n')}\n- ${loadLine(cells)}`);
