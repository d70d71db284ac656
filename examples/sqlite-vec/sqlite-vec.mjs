/**
 * @file Keeps texts and their vectors in a SQLite file, and finds those that are nearest in meaning to a question.
 *
 *   npm install gguf-embed sqlite-vec
 *   node sqlite-vec.mjs MODEL.gguf notes.db < lines.txt
 *   node sqlite-vec.mjs MODEL.gguf notes.db 'When does the last train leave?'
 *
 * It needs Node 22.13 or later, which has SQLite.
 */
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { Embedder } from 'gguf-embed';
import * as sqliteVec from 'sqlite-vec';

const [model, file, question] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node sqlite-vec.mjs MODEL.gguf FILE.db ['question']");
  process.exit(1);
}

const embedder = await Embedder.load(model);
const database = new DatabaseSync(file, { allowExtension: true });
try {
  sqliteVec.load(database);
  const { nEmbdOut, prompts } = embedder.info;
  const promptOf = (side) => (side in prompts ? side : undefined);
  database.exec(
    `CREATE VIRTUAL TABLE IF NOT EXISTS notes USING vec0(embedding float[${nEmbdOut}] distance_metric=cosine, +note TEXT)`,
  );
  // SQLite takes a vector as the bytes of its numbers.
  const bytes = (vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  if (question === undefined) {
    const notes = (await text(process.stdin)).split('\n').filter((line) => line.trim() !== '');
    const { vectors } = await embedder.embed(notes, { truncate: true, promptName: promptOf('document') });
    const insert = database.prepare('INSERT INTO notes (embedding, note) VALUES (?, ?)');
    database.exec('BEGIN');
    for (const [i, note] of notes.entries()) insert.run(bytes(vectors[i]), note);
    database.exec('COMMIT');
    console.log(`${notes.length} notes added`);
  } else {
    const { vectors } = await embedder.embed(question, { promptName: promptOf('query') });
    const nearest = database.prepare(
      'SELECT note, distance FROM notes WHERE embedding MATCH ? AND k = 5 ORDER BY distance',
    );
    for (const { note, distance } of nearest.all(bytes(vectors[0]))) {
      console.log(`${(1 - distance).toFixed(4)}  ${note}`);
    }
  }
} finally {
  database.close();
  await embedder.dispose();
}
