/**
 * @file Groups the lines of standard input by meaning: k-means on their vectors.
 *
 *   node cluster.mjs MODEL.gguf 3 < LINES
 *
 * Prints the groups, separated by empty lines. The same lines always give the same groups.
 */
import { text } from 'node:stream/consumers';
import { Embedder } from 'gguf-embed';

const [model, count] = process.argv.slice(2);
const k = Number(count);
if (!(Number.isInteger(k) && k > 0)) {
  console.error('usage: node cluster.mjs MODEL.gguf GROUPS < LINES');
  process.exit(1);
}

const lines = (await text(process.stdin)).split('\n').filter((line) => line.trim() !== '');
const embedder = await Embedder.load(model);
const { vectors } = await embedder.embed(lines, { truncate: true });
await embedder.dispose();

const product = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const nearest = (vector, centers) => {
  const similarities = centers.map((center) => product(vector, center));
  return similarities.indexOf(Math.max(...similarities));
};

// Each further center is the line that is farthest from those so far.
const centers = vectors.slice(0, 1);
while (centers.length < Math.min(k, vectors.length)) {
  const closeness = vectors.map((vector) => Math.max(...centers.map((center) => product(vector, center))));
  centers.push(vectors[closeness.indexOf(Math.min(...closeness))]);
}

let groups = [];
for (let round = 0; round < 100; round++) {
  const next = vectors.map((vector) => nearest(vector, centers));
  if (next.every((group, i) => group === groups[i])) break;
  groups = next;
  for (const index of centers.keys()) {
    const members = vectors.filter((_, i) => groups[i] === index);
    if (members.length === 0) continue;
    const sum = members[0].map((_, i) => members.reduce((total, member) => total + member[i], 0));
    const length = Math.sqrt(product(sum, sum)) || 1;
    centers[index] = sum.map((value) => value / length);
  }
}
const printed = centers.map((_, index) => lines.filter((_, i) => groups[i] === index).join('\n'));
console.log(printed.filter((group) => group !== '').join('\n\n'));
