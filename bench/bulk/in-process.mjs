/**
 * @file Prints the tokens per second of `embedder.embed` for the texts of a Parquet file, read before the clock starts, set up as the command line does it.
 * Usage: node bench/bulk/in-process.mjs MODEL.gguf TEXTS.parquet
 */
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { Embedder } from '../../dist/index.js';

const [model, path] = process.argv.slice(2);
const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), columns: ['text'] });
const embedder = await Embedder.load(model, { packing: true });
const before = performance.now();
let nTokens = 0;
for (let i = 0; i < rows.length; i += 1024) {
  const { nTokens: counts } = await embedder.embed(rows.slice(i, i + 1024).map(({ text }) => text));
  for (const count of counts) nTokens += count;
}
console.log((nTokens / (performance.now() - before)) * 1000);
await embedder.dispose();
