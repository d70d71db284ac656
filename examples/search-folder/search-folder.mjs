/**
 * @file Finds the paragraphs of a folder's text files that are nearest in meaning to a question.
 *
 *   node search-folder.mjs MODEL.gguf FOLDER 'How do I stop the server?'
 *
 * Prints the five best paragraphs with their similarity and their file.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Embedder } from 'gguf-embed';

const [model, folder, query] = process.argv.slice(2);
if (query === undefined) {
  console.error("usage: node search-folder.mjs MODEL.gguf FOLDER 'question'");
  process.exit(1);
}

const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(md|txt)$/i.test(name)).sort();
const paragraphs = [];
for (const name of names) {
  const text = await readFile(join(folder, name), 'utf8');
  for (const paragraph of text.split(/\n\s*\n/)) {
    if (paragraph.trim() !== '') paragraphs.push({ name, text: paragraph.trim() });
  }
}

const embedder = await Embedder.load(model);
try {
  const promptOf = (side) => (side in embedder.info.prompts ? side : undefined);
  const {
    vectors: [wanted],
  } = await embedder.embed(query, { promptName: promptOf('query') });
  const texts = paragraphs.map(({ text }) => text);
  const { vectors } = await embedder.embed(texts, { truncate: true, promptName: promptOf('document') });
  // Vectors have length 1, so their product is the cosine.
  const cosine = (vector) => vector.reduce((sum, value, i) => sum + value * wanted[i], 0);
  const found = paragraphs.map((paragraph, i) => ({ ...paragraph, similarity: cosine(vectors[i]) }));
  found.sort((a, b) => b.similarity - a.similarity);
  for (const { name, text, similarity } of found.slice(0, 5)) {
    console.log(`${similarity.toFixed(4)}  ${name}  ${text.replaceAll(/\s+/g, ' ').slice(0, 80)}`);
  }
} finally {
  await embedder.dispose();
}
