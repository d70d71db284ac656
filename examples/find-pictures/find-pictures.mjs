/**
 * @file Finds pictures in a folder by what they show.
 *
 *   node find-pictures.mjs MODEL.gguf MMPROJ.gguf FOLDER 'a red car'
 *
 * Prints the names of the pictures, the best first, with their similarity to the text. Pictures that cannot be read are named at the end.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Embedder, ImageError } from 'gguf-embed';

const [model, mmproj, folder, query] = process.argv.slice(2);
if (query === undefined) {
  console.error("usage: node find-pictures.mjs MODEL.gguf MMPROJ.gguf FOLDER 'what they show'");
  process.exit(1);
}

const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp|gif|bmp|p[gp]m)$/i.test(name)).sort();
// 256 tokens a picture are enough to tell what it shows, and four times as fast as 1024.
const embedder = await Embedder.load(model, { mmproj, pooling: 'last', images: { maxTokens: 256, exif: 'rotate' } });
try {
  const promptOf = (side) => (side in embedder.info.prompts ? side : undefined);
  const {
    vectors: [wanted],
  } = await embedder.embed(query, { promptName: promptOf('query') });
  const found = [];
  const unreadable = [];
  for (const name of names) {
    try {
      const {
        vectors: [vector],
      } = await embedder.embed([{ image: join(folder, name) }], { promptName: promptOf('document') });
      // Vectors have length 1, so their product is the cosine.
      found.push({ name, similarity: vector.reduce((sum, value, i) => sum + value * wanted[i], 0) });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      unreadable.push(error.message);
    }
  }
  found.sort((a, b) => b.similarity - a.similarity);
  for (const { name, similarity } of found) console.log(`${similarity.toFixed(4)}  ${name}`);
  for (const message of unreadable) console.error(`skipped: ${message}`);
} finally {
  await embedder.dispose();
}
