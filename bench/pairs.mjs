// `npm run bench:pairs`: what one setting of this build is worth over another one, by turns in one run, for each type of weights and each
// version of Node. Ratios are of processor time, so that other work on the machine counts as little as it can.
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, countTokens, makeTexts } from './compare/measure.mjs';
import { findModels } from './compare/models.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { precisions, readOptions, refuse } from './options.mjs';
import { loadLine } from './turns.mjs';

const help = `npm run bench:pairs -- [options]
  --base SETTING  what the ratios are relative to (default precision=high)
  --side SETTING  the other side (default precision=fast)
  --node PATH     may be repeated (default: the Node that runs the bench)
  --model FILE    may be repeated (default: synthetic models of --shapes and --types)
  --shapes LIST   default bge-base
  --types LIST    default Q4_0,Q4_1,Q5_0,Q5_1,Q4_K,Q5_K,Q6_K,MXFP4
  --tokens LIST   tokens a text (default 128)
  --texts N       texts a round (default 2)
  --single        a call for each text instead of one for all
  --rounds N      default 7

A SETTING is a list of precision=NAME, reproducible and type=NAME (weights of that type, in place of --types).`;

const { values: options } = readOptions(help, {
  options: {
    base: { type: 'string', default: 'precision=high' },
    side: { type: 'string', default: 'precision=fast' },
    node: { type: 'string', multiple: true, default: [process.execPath], kind: 'program' },
    model: { type: 'string', multiple: true, default: [], kind: 'file' },
    shapes: { type: 'string', default: 'bge-base' },
    types: { type: 'string', default: 'Q4_0,Q4_1,Q5_0,Q5_1,Q4_K,Q5_K,Q6_K,MXFP4' },
    tokens: { type: 'string', default: '128', kind: 'counts' },
    texts: { type: 'string', default: '2', kind: 'count' },
    single: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7', kind: 'count' },
  },
});
const list = (text) => text.split(',');

/** `{ precision, reproducible, type }` of a SETTING. */
function parseSetting(text) {
  const setting = { precision: 'high', reproducible: false };
  for (const part of list(text)) {
    const [, name, value] = /^(precision|type)=(\w+)$/.exec(part) ?? [undefined, part, true];
    if (value === true && name !== 'reproducible') refuse(`--base, --side: no setting ${part}`);
    if (name === 'precision' && !precisions.includes(value))
      refuse(`--base, --side: no precision ${value}; there are ${precisions.join(', ')}`);
    setting[name] = value;
  }
  return setting;
}

const settings = { base: parseSetting(options.base), side: parseSetting(options.side) };
const modelsOf = (types) => findModels({ shapes: list(options.shapes), types });

/** `{ name, base, side }` of each row: the file of both sides. */
async function filePairs() {
  if (options.model.length > 0) {
    const models = await findModels({ files: options.model });
    return models.map(({ name, type, path }) => ({ name: `${name} ${type}`, base: path, side: path }));
  }
  const fixed = Object.values(settings).every(({ type }) => type !== undefined);
  const pairs = [];
  for (const type of fixed ? [settings.side.type] : list(options.types)) {
    const [base, side] = [settings.base.type ?? type, settings.side.type ?? type];
    const ofSide = await modelsOf([side]);
    for (const [i, { name, path }] of (await modelsOf([base])).entries()) {
      pairs.push({ name: `${name} ${side === base ? side : `${side}, ${base}`}`, base: path, side: ofSide[i].path });
    }
  }
  return pairs;
}

const pairs = await filePairs();
const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
const cells = [];
const descriptions = [];

console.log(
  `${cpus()[0].model.trim()}, ${cpus().length} cores; ${new Date().toISOString().slice(0, 10)}, one thread\n`,
);
console.log(
  `| model | tokens | Node | \`${options.base}\` tokens/s | \`${options.side}\` over it (lowest-highest) |\n|---|---|---|---|---|`,
);
for (const node of options.node) {
  const peers = { base: startPeer(node, script), side: startPeer(node, script) };
  for (const { name, ...files } of pairs) {
    let info;
    for (const [side, peer] of Object.entries(peers)) {
      const { precision, reproducible } = settings[side];
      info = await peer.call('load', { model: files[side], threads: 1, precision, reproducible, backend: 'wasm' });
      if (!descriptions.includes(info.description)) descriptions.push(info.description);
    }
    for (const length of options.tokens) {
      const texts = makeTexts(options.texts, length, info.nVocab);
      const run = { texts, single: options.single };
      const sides = Object.fromEntries(
        Object.entries(peers).map(([side, peer]) => [side, async () => (await peer.call('run', run)).cpuSeconds]),
      );
      const cell = await alternate(sides, countTokens(texts), options.rounds, 'base');
      cells.push(cell);
      const { base, side } = cell.results;
      const ratio = `${side.ratio.toFixed(2)} (${side.low.toFixed(2)}-${side.high.toFixed(2)})`;
      console.log(`| ${name} | ${length} | ${basename(node)} | ${Math.round(base.tokensPerSecond)} | ${ratio} |`);
    }
  }
  await Promise.all(Object.values(peers).map((peer) => peer.stop()));
}
console.log(`\n${descriptions.map((description) => `- ${description}`).join('\n')}\n- ${loadLine(cells)}`);
