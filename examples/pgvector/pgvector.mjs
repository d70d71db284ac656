/**
 * @file Keeps texts and their vectors in PostgreSQL, and finds those that are nearest in meaning to a question.
 *
 *   apt install postgresql postgresql-17-pgvector
 *   npm install gguf-embed pg
 *   export DATABASE_URL=postgres://localhost/notes
 *   node pgvector.mjs MODEL.gguf < lines.txt
 *   node pgvector.mjs MODEL.gguf 'When does the last train leave?'
 */
import { text } from 'node:stream/consumers';
import { Embedder } from 'gguf-embed';
import pg from 'pg';

const [model, question] = process.argv.slice(2);
if (model === undefined) {
  console.error("usage: node pgvector.mjs MODEL.gguf ['question']");
  process.exit(1);
}

const embedder = await Embedder.load(model);
const database = new pg.Client({ connectionString: process.env.DATABASE_URL });
try {
  await database.connect();
  const { nEmbdOut, prompts } = embedder.info;
  const promptOf = (side) => (side in prompts ? side : undefined);
  await database.query('CREATE EXTENSION IF NOT EXISTS vector');
  await database.query(`CREATE TABLE IF NOT EXISTS notes (note text, embedding vector(${nEmbdOut}))`);
  await database.query('CREATE INDEX IF NOT EXISTS nearest ON notes USING hnsw (embedding vector_cosine_ops)');
  // PostgreSQL takes a vector as text: [0.1,0.2].
  const literal = (vector) => JSON.stringify(Array.from(vector));
  if (question === undefined) {
    const notes = (await text(process.stdin)).split('\n').filter((line) => line.trim() !== '');
    const { vectors } = await embedder.embed(notes, { truncate: true, promptName: promptOf('document') });
    await database.query(
      'INSERT INTO notes (note, embedding) SELECT note, embedding::vector FROM unnest($1::text[], $2::text[]) AS t (note, embedding)',
      [notes, vectors.map(literal)],
    );
    console.log(`${notes.length} notes added`);
  } else {
    const { vectors } = await embedder.embed(question, { promptName: promptOf('query') });
    const { rows } = await database.query(
      'SELECT note, 1 - (embedding <=> $1) AS similarity FROM notes ORDER BY embedding <=> $1 LIMIT 5',
      [literal(vectors[0])],
    );
    for (const { note, similarity } of rows) console.log(`${similarity.toFixed(4)}  ${note}`);
  }
} finally {
  await database.end();
  await embedder.dispose();
}
