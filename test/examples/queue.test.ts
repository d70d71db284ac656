/**
 * @file The example with a queue in PostgreSQL: each row is stored once with the bits of `embed --output`, although all rows are sent twice,
 * a worker is killed and the database crashes under way: with the PostgreSQL of this machine, which stores lists, and with one that has
 * pgvector. It takes a package registry and a package index, so CI=true.
 */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { model, run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { scratchPython } from '../clients/scratch-python.ts';
import { npm } from '../package/setup.ts';
import { postgresPrograms, startPostgres } from './postgres.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const ofSystem = postgresPrograms();
const isCi = process.env.CI === 'true';
if (!isCi) console.warn('SKIPPED: the example with a queue: it runs with CI=true');
else if (ofSystem === undefined)
  console.warn('SKIPPED: the example with a queue and without pgvector: there is no PostgreSQL');
const { folder: venv, missing: noPgvector } = await scratchPython(
  'the example with a queue and pgvector',
  'pgvector-requirements.txt',
);

/** Where the package pgserver has the programs of PostgreSQL; the server runs as another user, who must get there. */
function programsWithPgvector(): string {
  chmodSync(venv, 0o755);
  const [version] = readdirSync(join(venv, 'lib')).filter((name) => name.startsWith('python'));
  return join(venv, 'lib', version, 'site-packages/pgserver/pginstall/bin');
}

/** Text `i`, of which some cannot be embedded. */
function text(i: number): string | null {
  if (i % 100 === 7) return null;
  return i % 100 === 8 ? 'word '.repeat(3000) : `${'the quick brown fox '.repeat(1 + (i % 9))}${i}`;
}

interface Stored {
  readonly id: string;
  readonly embedding: number[] | null;
  readonly problem: string | null;
}

describe.each([
  { type: 'real[]', isThere: isCi && ofSystem !== undefined, programs: () => ofSystem ?? '' },
  { type: 'vector', isThere: noPgvector === undefined, programs: programsWithPgvector },
])('queue.mjs with $type', ({ type, isThere, programs }) => {
  const temporary = temporaryFolder();

  it.skipIf(!isThere)(
    'stores each row once with the same bits',
    async () => {
      writeFileSync(temporary.file('package.json'), '{ "private": true, "type": "module" }\n');
      await npm(temporary.path, 'install', 'pg@8', 'pg-boss@10');
      symlinkSync(path('.'), temporary.file('node_modules/gguf-embed'), 'dir');
      copyFileSync(path('examples/scale/queue.mjs'), temporary.file('queue.mjs'));
      const lines = Array.from({ length: 600 }, (_, i) => `${JSON.stringify({ id: `row ${i}`, text: text(i) })}\n`);
      const input = temporary.write('rows.jsonl', lines.join(''));
      const expected = temporary.file('expected.jsonl');
      const embed = ['embed', '-m', model('bert-mean'), input, '-o', expected, '--on-error', 'skip'];
      expect((await run(embed)).code).toBe(0);

      // PostgreSQL runs as another user, who must get to its folder.
      chmodSync(temporary.path, 0o755);
      mkdirSync(temporary.file('database'));
      const server = await startPostgres(programs(), temporary.file('database/data'));
      const pg = createRequire(temporary.file('x.js'))('pg');
      const database = new pg.Pool({ connectionString: server.url });
      database.on('error', () => {});
      const env = { PATH: process.env.PATH, DATABASE_URL: server.url, JOB_SECONDS: '5' };
      const start = (args: string[], sent = '') => {
        const child = spawn(process.execPath, [temporary.file('queue.mjs'), ...args], { env, cwd: temporary.path });
        child.stdin.end(sent);
        child.stdout.resume();
        let errors = '';
        child.stderr.on('data', (data) => (errors += data));
        const ended = new Promise<{ code: number | null; errors: string }>((resolve) =>
          child.on('close', (code) => resolve({ code, errors })),
        );
        return { child, ended };
      };
      const nStored = async () => Number((await database.query('SELECT count(*) FROM vectors')).rows[0].count);
      const until = async (n: number) => {
        while ((await nStored()) < n) await sleep(20);
      };
      try {
        for (let i = 0; i < 2; i++) {
          const { code, errors } = await start(['send'], readFileSync(input, 'utf8')).ended;
          expect(code, errors).toBe(0);
        }
        const drain = ['drain', model('bert-mean')];
        const workers = [start(drain), start(drain)];
        await until(64);
        workers[0].child.kill('SIGKILL');
        workers.push(start(drain));
        await until(200);
        await server.crash();
        await server.start();
        const ends = await Promise.all(workers.map(({ ended }) => ended));
        expect(ends.map(({ code }) => code)).toEqual([null, 0, 0]);

        const { rows: types } = await database.query('SELECT DISTINCT pg_typeof(embedding)::text AS type FROM vectors');
        expect(types).toEqual([{ type }]);
        const { rows } = (await database.query('SELECT id, embedding::real[] AS embedding, problem FROM vectors')) as {
          rows: Stored[];
        };
        const stored = new Map(rows.map((row) => [row.id, row]));
        expect([rows.length, stored.size]).toEqual([600, 600]);
        const wanted = readFileSync(expected, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line));
        expect(wanted).toHaveLength(588);
        for (const { id, embedding } of wanted) {
          const vector = stored.get(id)?.embedding;
          expect(new Float32Array(vector ?? []), id).toEqual(new Float32Array(embedding));
        }
        const problems = rows.flatMap(({ problem }) => problem ?? []).sort();
        expect(problems).toHaveLength(12);
        expect(problems[0]).toContain('has 9002 tokens');
        expect(problems[11]).toBe('there is no text');
        const { rows: jobs } = await database.query('SELECT state, count(*)::int FROM pgboss.job GROUP BY state');
        expect(jobs).toEqual([{ state: 'completed', count: 20 }]);
      } finally {
        await database.end();
        await server.crash();
      }
    },
    400_000,
  );
});
