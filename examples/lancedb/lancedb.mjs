/**
 * @file Keeps texts and their vectors in a LanceDB folder, and finds those that are nearest in meaning to a question.
 *
 *   npm install gguf-embed @lancedb/lancedb apache-arrow@18
 *   node lancedb.mjs MODEL.gguf notes < lines.txt
 *   node lancedb.mjs MODEL.gguf notes 'When does the last train leave?'
 */
import { text } from 'node:stream/consumers';
import { connect } from '@lancedb/lancedb';
import { Embedder } from 'gguf-embed';

const [model, folder, question] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node lancedb.mjs MODEL.gguf FOLDER ['question']");
  process.exit(1);
}

const embedder = await Embedder.load(model);
const database = await connect(folder);
try {
  const promptOf = (side) => (side in embedder.info.prompts ? side : undefined);
  if (question === undefined) {
    const notes = (await text(process.stdin)).split('\n').filter((line) => line.trim() !== '');
    const { vectors } = await embedder.embed(notes, { truncate: true, promptName: promptOf('document') });
    const rows = notes.map((note, i) => ({ note, vector: Array.from(vectors[i]) }));
    const exists = (await database.tableNames()).includes('notes');
    if (exists) await (await database.openTable('notes')).add(rows);
    else await database.createTable('notes', rows);
    console.log(`${notes.length} notes added`);
  } else {
    const { vectors } = await embedder.embed(question, { promptName: promptOf('query') });
    const table = await database.openTable('notes');
    const found = await table.vectorSearch(Array.from(vectors[0])).distanceType('cosine').limit(5).toArray();
    for (const { note, _distance } of found) console.log(`${(1 - _distance).toFixed(4)}  ${note}`);
  }
} finally {
  database.close();
  await embedder.dispose();
}
