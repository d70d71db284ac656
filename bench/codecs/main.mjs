/**
 * @file How fast each ggml type is decoded to float32 and, where it can be written, encoded; in one thread of plain
 *   JavaScript.
 *
 * Decoding bounds what the reference backend and `quantize` reach; encoding is what `quantize` takes for a model.
 */
import { Bench } from 'tinybench';
import { readOptions, refuse } from '../options.mjs';

const { codecs } = await import('../../build/modules/tensor/codecs/index.js');
const { rowBytes } = await import('../../build/modules/gguf/ggml-types.js');

/** A multiple of every block size, small enough that input and output stay in the second-level cache. */
const N_VALUES = 1 << 16;

/** Normal values of a weight's size, from a generator with a fixed seed. */
function weights() {
  let state = 12345;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from({ length: N_VALUES }, () => {
    return 0.05 * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  });
}

/** Blocks that the codec made itself, or bytes of small values where it cannot write. */
function blocks(codec, values) {
  const bytes = new Uint8Array(rowBytes(codec.type, N_VALUES));
  if (codec.quantize) codec.quantize(values, bytes, N_VALUES);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 2654435761) >>> 26;
  return bytes;
}

const help = `npm run bench:codecs -- [TYPE...]
  TYPE  of ${Object.keys(codecs).join(', ')} (default: all)`;
const { positionals: asked } = readOptions(help, { allowPositionals: true });
const unknown = asked.find((name) => codecs[name] === undefined);
if (unknown !== undefined) refuse(`${unknown} is none of ${Object.keys(codecs).join(', ')}`);

const values = weights();
const bench = new Bench({ time: 250, warmupTime: 100 });
for (const [name, codec] of Object.entries(codecs)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const bytes = blocks(codec, values);
  const into = new Float32Array(N_VALUES);
  bench.add(`${name} decode`, () => codec.dequantize(bytes, into, N_VALUES));
  if (codec.quantize) bench.add(`${name} encode`, () => codec.quantize(values, bytes, N_VALUES));
}
await bench.run();

/** Million values a second, from the median time of a call. */
const rate = (task) => (task ? N_VALUES / (task.result.latency.p50 / 1000) / 1e6 : undefined);
console.table(
  bench.tasks
    .filter(({ name }) => name.endsWith(' decode'))
    .map((task) => {
      const type = task.name.split(' ')[0];
      const decode = rate(task);
      const encode = rate(bench.getTask(`${type} encode`));
      return {
        type,
        'bits/value': (8 * rowBytes(codecs[type].type, N_VALUES)) / N_VALUES,
        'decode Mvalues/s': Math.round(decode),
        'decode MB/s (stored)': Math.round((decode * rowBytes(codecs[type].type, N_VALUES)) / N_VALUES),
        'encode Mvalues/s': encode === undefined ? '' : Number(encode.toFixed(1)),
      };
    }),
);
