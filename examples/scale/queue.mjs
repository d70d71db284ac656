/**
 * @file Embeds rows by jobs of a queue, with as many worker processes as you start. PostgreSQL holds the queue (pg-boss) and the vectors.
 *
 *   npm install gguf-embed pg pg-boss@10
 *   export DATABASE_URL=postgres://localhost/notes
 *   node queue.mjs send < rows.jsonl          # a line for each row: {"id": "a1", "text": "A text"}
 *   node queue.mjs work MODEL.gguf            # on each core; SIGTERM ends it after its job
 *   node queue.mjs drain MODEL.gguf           # ends when all jobs are done
 *
 * The queue delivers a job again when its worker has not completed it within JOB_SECONDS (60). A row is stored by its id, so it comes
 * once, however often it is sent or delivered. A row that cannot be embedded gets no vector, but the problem. With the extension pgvector the column of
 * the vectors has its type, else real[].
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Embedder, InputError } from 'gguf-embed';
import pg from 'pg';
import PgBoss from 'pg-boss';

const QUEUE = 'embed';
const ROWS_PER_JOB = 64;
const [command, model] = process.argv.slice(2);
if (command !== 'send' && (!['work', 'drain'].includes(command) || model === undefined)) {
  console.error('usage: node queue.mjs send < rows.jsonl | work MODEL.gguf | drain MODEL.gguf');
  process.exit(1);
}
const connectionString = process.env.DATABASE_URL;
const database = new pg.Pool({ connectionString });
// A lost connection is reported here, too; the pool connects again.
const report = ({ message }) => console.error(message);
database.on('error', report);
const boss = await connect();

if (command === 'send') await send();
else await work(command === 'drain');
await boss.stop({ graceful: false });
await database.end();

/** Connects to the queue, and waits for a database that is starting. */
async function connect() {
  for (;;) {
    const queue = new PgBoss({ connectionString });
    queue.on('error', report);
    try {
      return await queue.start();
    } catch (error) {
      report(error);
      await sleep(500);
    }
  }
}

async function send() {
  await boss.createQueue(QUEUE);
  const { rowCount } = await database.query("SELECT FROM pg_available_extensions WHERE name = 'vector'");
  if (rowCount > 0) await database.query('CREATE EXTENSION IF NOT EXISTS vector');
  await database.query(
    `CREATE TABLE IF NOT EXISTS vectors (id text PRIMARY KEY, embedding ${rowCount > 0 ? 'vector' : 'real[]'}, problem text)`,
  );
  let rows = [];
  const put = async () => {
    const expireInSeconds = Number(process.env.JOB_SECONDS ?? 60);
    await boss.send(QUEUE, { rows }, { expireInSeconds, retryLimit: 20 });
    rows = [];
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, text } = JSON.parse(line);
    if (rows.push({ id, text }) === ROWS_PER_JOB) await put();
  }
  if (rows.length > 0) await put();
}

/** Takes jobs until SIGTERM comes, or until all are done. An error leaves the job to the queue, which delivers it again. */
async function work(endsWhenDone) {
  let isStopping = false;
  process.once('SIGTERM', () => {
    isStopping = true;
  });
  const embedder = await Embedder.load(model, { threads: 1 });
  while (!isStopping) {
    try {
      const [job] = await boss.fetch(QUEUE);
      if (job !== undefined) {
        await store(await embedRows(embedder, job.data.rows));
        await boss.complete(QUEUE, job.id);
        continue;
      }
      // Jobs of workers that have ended go back to the queue.
      await boss.expire();
      if (endsWhenDone && (await boss.getQueueSize(QUEUE, { before: 'completed' })) === 0) break;
    } catch (error) {
      report(error);
    }
    await sleep(500);
  }
  await embedder.dispose();
}

/** The embedding of each row, or its problem. */
async function embedRows(embedder, rows) {
  const byId = new Map(rows.map((row) => [row.id, row.text]));
  const embedded = Array.from(byId, async ([id, text]) => {
    if (typeof text !== 'string') return { id, problem: 'there is no text' };
    try {
      const { vectors } = await embedder.embed(text);
      return { id, embedding: `{${vectors[0].join()}}` };
    } catch (error) {
      if (error instanceof InputError) return { id, problem: error.message };
      throw error;
    }
  });
  return Promise.all(embedded);
}

async function store(rows) {
  await database.query(
    `INSERT INTO vectors (id, embedding, problem)
     SELECT id, embedding::real[], problem FROM unnest($1::text[], $2::text[], $3::text[]) AS row (id, embedding, problem)
     ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding, problem = excluded.problem`,
    ['id', 'embedding', 'problem'].map((name) => rows.map((row) => row[name])),
  );
}
