// Compares the vectors of known models with those of the original libraries, on the real weights.
//
//   python scripts/check_real_models.py numbers.json [NAME...]         records the vectors of the originals (torch, transformers)
//   node scripts/check-real-models.mjs numbers.json [NAME...]          fetches each model by name, embeds the same texts, compares
//   node scripts/check-real-models.mjs --list                          prints the models and the texts as JSON, for the first program
//
// Needs `npm run build` and a network; HF_ENDPOINT, HF_HOME and HF_TOKEN have their usual meaning. Prints a line for each model: the smallest cosine and
// the least that its file type allows. Ends with status 1 if a vector is further away, or a named model could not be compared. Models
// without a repository of GGUF files and rerankers are not compared.
import { readFileSync } from 'node:fs';
import { knownModels } from '../build/modules/hub/known-models.js';
import { Embedder } from '../dist/index.js';

const texts = [
  'What is a panda?',
  'The giant panda is a bear that lives in the mountains of central China.',
  'hi',
  'How do I sort a list in Python without changing it?',
  'sorted(items) returns a new list; items.sort() changes the list in place.',
  'Die Hauptstadt von Frankreich ist Paris.',
  'What is the capital of France?',
  'A man is playing a guitar on a stage in front of a crowd.',
  'Prices rose by 3.5 % in 2023, after 8.7 % the year before.',
  'Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. '.repeat(12).trim(),
];

/** The smallest cosine that a vector may have to that of the original weights, by the file type. */
function leastCosine(ftype) {
  if (/F32|BF16|F16/.test(ftype)) return 0.999;
  return /Q8_0|Q6_K/.test(ftype) ? 0.99 : 0.95;
}

const embedders = knownModels.filter(({ kind, pooling }) => kind === 'embedder' && pooling !== 'none');
const [path, ...names] = process.argv.slice(2);

if (path === '--list') {
  const models = embedders.map(({ name, original, pooling }) => ({ name, original, pooling }));
  console.log(JSON.stringify({ texts, models }));
} else if (path === undefined) {
  console.error('usage: node scripts/check-real-models.mjs NUMBERS.json [NAME...]');
  process.exitCode = 2;
} else {
  for (const name of names) {
    if (embedders.some((known) => known.name === name)) continue;
    console.error(`${name} is not a known embedder`);
    process.exitCode = 1;
  }
  const numbers = JSON.parse(readFileSync(path, 'utf8'));
  for (const known of embedders.filter(({ name }) => names.length === 0 || names.includes(name)))
    await check(known, numbers[known.name]);
}

async function check({ name, gguf }, recorded) {
  const skip =
    gguf === undefined ? 'no GGUF files: convert the original' : recorded === undefined && 'no recorded vectors';
  if (skip) {
    console.log(`${name}: not compared (${skip})`);
    if (names.includes(name)) process.exitCode = 1;
    return;
  }
  try {
    const embedder = await Embedder.load(`hf:${gguf}`, { backend: 'wasm' });
    const { vectors } = await embedder.embed(texts, { truncate: true });
    const least = leastCosine(embedder.info.ftype);
    await embedder.dispose();
    const cosines = vectors.map((vector, i) => cosine(vector, recorded[i]));
    const worst = Math.min(...cosines);
    const isNear = cosines.length === texts.length && worst >= least;
    if (!isNear) process.exitCode = 1;
    console.log(
      `${name}: ${isNear ? 'ok' : 'FAILED'}, cosine ${worst.toFixed(6)} (${embedder.info.ftype}, at least ${least})`,
    );
  } catch (error) {
    console.log(`${name}: FAILED, ${error.message}`);
    process.exitCode = 1;
  }
}

/** NaN, which is near nothing, for vectors of other lengths. */
function cosine(a, b = []) {
  if (a.length !== b.length) return Number.NaN;
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
