/**
 * @file Prints the table of examples/scale/queue.mjs as JSON lines. It runs in a folder where `pg` is installed.
 */
import pg from 'pg';

const database = new pg.Client({ connectionString: process.env.DATABASE_URL });
await database.connect();
const { rows } = await database.query('SELECT id, embedding::real[] AS embedding FROM vectors');
process.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
await database.end();
